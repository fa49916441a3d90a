package dev.runnel.process.loop;

import dev.runnel.process.ProcessEngine;
import dev.runnel.process.sys.EngineLog;
import dev.runnel.process.sys.Epoll;
import dev.runnel.process.sys.Fd;
import dev.runnel.process.sys.LibcException;
import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The thread that reads every pipe, sees every exit and runs every task: a loop around one epoll
 * set. Nothing on it blocks but the wait itself.
 */
public final class ProcessLoop implements LoopTasks {

  /** So that tasks that make tasks do not keep the descriptors waiting. */
  private static final int TASKS_PER_TURN = 1_024;

  private static final long FOR_EVER = -1;
  private static final long LONGEST_WAIT_NANOS = Duration.ofDays(1).toNanos();

  /** Some 73 years: times further apart could not be compared. */
  private static final Duration LONGEST_DELAY = Duration.ofNanos(Long.MAX_VALUE / 4);

  private final Queue<Runnable> tasks = new ConcurrentLinkedQueue<>();
  private final Thread thread = new Thread(this::run, "runnel-pump");
  private final int wakeup = LibcException.check("eventfd", Fd.eventfd());

  /** True while the thread waits or is about to: then, and only then, a new task has to wake it. */
  private final AtomicBoolean asleep = new AtomicBoolean();

  private final AtomicInteger waking = new AtomicInteger();
  private volatile boolean ended;

  // The thread's own.
  private final Poller poller = new Poller();
  private final Timers timers = new Timers();
  private boolean ending;

  public ProcessLoop() {
    // Edge-triggered, so that the counter need not be read back each time.
    poller.watch(wakeup, Epoll.IN | Epoll.EDGE, _ -> {});
    thread.setDaemon(true);
  }

  public void start() {
    thread.start();
  }

  public Poller poller() {
    return poller;
  }

  public boolean isCurrentThread() {
    return Thread.currentThread() == thread;
  }

  /**
   * @throws IllegalStateException on any thread but the pump
   */
  public void checkThread() {
    if (!isCurrentThread()) {
      throw new IllegalStateException(
          "thread: " + Thread.currentThread() + " (expected: the pump)");
    }
  }

  @Override
  public void execute(Runnable task) {
    if (ended) {
      throw new RejectedExecutionException("the process engine is closed");
    }
    tasks.add(task);
    // If the thread ended meanwhile, either it still ran the task or we take it back.
    if (ended && tasks.remove(task)) {
      throw new RejectedExecutionException("the process engine is closed");
    }
    if (asleep.get() && asleep.compareAndSet(true, false)) {
      wake();
    }
  }

  private void wake() {
    // Counted before the look at the end: the thread closes the descriptor when nobody is here.
    waking.incrementAndGet();
    if (!ended) {
      Fd.post(wakeup);
    }
    waking.decrementAndGet();
  }

  @Override
  public ProcessEngine.Timer schedule(Duration delay, Runnable task) {
    Timers.Entry entry = new Timers.Entry(System.nanoTime() + nanos(delay), task);
    if (isCurrentThread()) {
      timers.add(entry);
      return () -> timers.remove(entry);
    }
    AtomicBoolean canceled = new AtomicBoolean();
    execute(
        () -> {
          if (!canceled.get()) {
            timers.add(entry);
          }
        });
    return () -> {
      canceled.set(true);
      timers.remove(entry);
    };
  }

  /** A delay that can be reckoned with, however long it was meant to be. */
  public static long nanos(Duration delay) {
    return delay.compareTo(LONGEST_DELAY) < 0 ? delay.toNanos() : LONGEST_DELAY.toNanos();
  }

  /** Ends the thread after the tasks that are there already. On the pump. */
  public void end() {
    ending = true;
  }

  /** Waits until the thread has ended, at most so long; whether it has. */
  public boolean join(Duration most) throws InterruptedException {
    return thread.join(most);
  }

  private void run() {
    while (!ending) {
      runTasks();
      runTimers();
      poller.poll(timeoutNanos(), this::runReady);
      asleep.set(false);
    }
    ended = true;
    while (!tasks.isEmpty()) {
      runTasks();
    }
    while (waking.get() > 0) {
      Thread.onSpinWait();
    }
    poller.close();
    Fd.close(wakeup);
  }

  private void runTasks() {
    for (int i = 0; i < TASKS_PER_TURN; i++) {
      Runnable task = tasks.poll();
      if (task == null) {
        return;
      }
      run(task);
    }
  }

  private void runTimers() {
    // One reading of the clock: what is set for "now" by these waits for the next turn.
    long now = System.nanoTime();
    for (Runnable task = timers.takeDue(now); task != null; task = timers.takeDue(now)) {
      run(task);
    }
  }

  private void runReady(Poller.Ready ready, int events) {
    try {
      ready.ready(events);
    } catch (Throwable thrown) {
      EngineLog.report("descriptor handler failed", thrown);
    }
  }

  @Override
  public long nanoTime() {
    return System.nanoTime();
  }

  @Override
  public Watch watch(int pidfd, Runnable onEnd) {
    return poller.watch(pidfd, Epoll.IN, _ -> onEnd.run())::end;
  }

  @Override
  public void run(Runnable task) {
    try {
      task.run();
    } catch (Throwable thrown) {
      EngineLog.report("pump task failed", thrown);
    }
  }

  private long timeoutNanos() {
    if (ending) {
      return 0;
    }
    long nanos = timers.isEmpty() ? Long.MAX_VALUE : timers.nextDue() - System.nanoTime();
    if (nanos <= 0) {
      return 0;
    }
    asleep.set(true);
    if (!tasks.isEmpty()) {
      return 0;
    }
    return nanos == Long.MAX_VALUE ? FOR_EVER : Math.min(LONGEST_WAIT_NANOS, nanos);
  }
}
