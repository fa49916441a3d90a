package dev.runnel.process.tree;

import dev.runnel.process.sys.EngineLog;
import dev.runnel.process.sys.Pid;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * The threads that look. They are there from the start, as they are needed most when no thread can
 * be made; one that hangs is replaced as long as that can be had. The pump's own but for {@link
 * #run}.
 */
public final class ScanThreads implements ProcessTrees.Lookers {
  private static final int FIRST = 2;
  private static final int MOST = 8;

  /** Before a crowd of processes that all want the processor; granted to the privileged only. */
  private static final int NICE = -10;

  private final BlockingQueue<Runnable> tasks = new LinkedBlockingQueue<>();
  private final List<Thread> threads = new CopyOnWriteArrayList<>();
  private int hung;
  private volatile boolean closed;

  public ScanThreads() {
    for (int i = 0; i < FIRST; i++) {
      add();
    }
  }

  private void add() {
    Thread thread = new Thread(this::run, "runnel-sweeper-" + (threads.size() + 1));
    thread.setDaemon(true);
    thread.start();
    threads.add(thread);
  }

  private void run() {
    var _ = Pid.hurry(NICE);
    try {
      while (!closed) {
        tasks.take().run();
      }
      // Wakes the next one.
      tasks.add(ScanThreads::wake);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** The task must not throw. */
  @Override
  public void execute(Runnable task) {
    tasks.add(task);
  }

  /** The last free thread must not hang. */
  @Override
  public boolean isLast() {
    return threads.size() - hung <= 1;
  }

  /** A thread has hung: there is to be another one. */
  @Override
  public void hung() {
    hung++;
    if (threads.size() < MOST && threads.size() - hung < FIRST) {
      try {
        add();
      } catch (Throwable noThread) {
        EngineLog.warn("no thread in place of one that hangs: " + noThread.getMessage());
      }
    }
  }

  /** One that had hung goes on. */
  @Override
  public void goesOn() {
    hung--;
  }

  /** Asks them to end; one that hangs does so when it goes on, and as a daemon holds nothing up. */
  @Override
  public void close() {
    closed = true;
    tasks.add(ScanThreads::wake);
  }

  private static void wake() {
    // What is closed is seen by the one that is woken for it.
  }

  /** Whether they have ended, after at most so long. Not on the pump. */
  public boolean awaitEnd(Duration patience) throws InterruptedException {
    long deadline = System.nanoTime() + patience.toNanos();
    for (Thread thread : List.copyOf(threads)) {
      if (!thread.join(Duration.ofNanos(Math.max(1, deadline - System.nanoTime())))) {
        return false;
      }
    }
    return true;
  }
}
