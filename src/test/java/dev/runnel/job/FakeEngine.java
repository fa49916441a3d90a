package dev.runnel.job;

import dev.runnel.model.CommandSpec;
import dev.runnel.model.JobId;
import dev.runnel.process.ProcessEngine;
import dev.runnel.process.ProcessListener;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Processes that exist in a test alone. Time stands still and nothing happens until the test says
 * so; then the test's thread is the pump.
 */
final class FakeEngine implements ProcessEngine {
  private static final Comparator<Due> BY_TIME =
      (a, b) -> a.at != b.at ? Long.signum(a.at - b.at) : Long.compare(a.sequence, b.sequence);

  private final ArrayDeque<Runnable> tasks = new ArrayDeque<>();
  private final PriorityQueue<Due> timers = new PriorityQueue<>(BY_TIME);
  private final ArrayDeque<FakeStart> starts = new ArrayDeque<>();
  private final List<FakeProcess> processes = new ArrayList<>();
  // Overflows soon, as System.nanoTime may.
  private long now = Long.MAX_VALUE - Duration.ofSeconds(1).toNanos();
  private long sequence;
  private boolean onPump;
  private long lostBytes;

  private record Due(long at, long sequence, Runnable task) {}

  // What the job room asks.

  @Override
  public void start(
      JobId job, CommandSpec command, BooleanSupplier claim, ProcessListener listener) {
    starts.add(new FakeStart(this, command, claim, listener));
  }

  @Override
  public void execute(Runnable task) {
    tasks.add(task);
  }

  @Override
  public Timer schedule(Duration delay, Runnable task) {
    Due due = new Due(now + delay.toNanos(), sequence++, task);
    timers.add(due);
    return () -> timers.remove(due);
  }

  @Override
  public long nanoTime() {
    return now;
  }

  @Override
  public void close() {
    throw new UnsupportedOperationException("close");
  }

  // What a test says.

  /** The start that waits longest, or null. */
  @Nullable FakeStart takeStart() {
    return starts.poll();
  }

  /** Makes the process of the start that waits longest, and tells its listener. */
  FakeProcess spawn() {
    FakeStart start = starts.remove();
    if (!start.isClaimed()) {
      throw new IllegalStateException("void");
    }
    FakeProcess process = start.make();
    runTasks();
    return process;
  }

  /** How many clocks run. */
  int timers() {
    return timers.size();
  }

  boolean runTask() {
    Runnable task = tasks.poll();
    if (task != null) {
      onPump(task);
    }
    return task != null;
  }

  void runTasks() {
    while (runTask()) {}
  }

  /** Runs tasks and reads pipes until nothing is left to do at this moment. */
  void settle() {
    boolean busy = true;
    while (busy) {
      busy = runTask();
      for (FakeProcess process : List.copyOf(processes)) {
        busy |= process.poll();
      }
    }
    processes.removeIf(this::isGone);
  }

  /** Lets time pass and timers fire; after each it runs tasks and reads pipes, as the pump does. */
  void advance(Duration time) {
    long end = now + time.toNanos();
    runTasks();
    for (Due first = timers.peek(); first != null && first.at - end <= 0; first = timers.peek()) {
      timers.remove();
      now = later(first.at);
      onPump(first.task);
      runTasks();
      processes.forEach(FakeProcess::poll);
    }
    now = later(end);
  }

  /** Lets time pass in which nothing happens, as if the pump got no processor. */
  void standStill(Duration time) {
    now += time.toNanos();
  }

  private long later(long time) {
    return time - now > 0 ? time : now;
  }

  /** Lets time pass, and reads the pipes before and after. */
  void pass(Duration time) {
    settle();
    advance(time);
    settle();
  }

  /** What processes wrote, nobody discarded, and no listener got. */
  long lostBytes() {
    return lostBytes + processes.stream().mapToLong(FakeEngine::lostBytes).sum();
  }

  private static long lostBytes(FakeProcess process) {
    return process.pipes().stream().mapToLong(FakePipe::lostBytes).sum();
  }

  private boolean isGone(FakeProcess process) {
    boolean gone = process.hasExited() && process.pipes().stream().noneMatch(FakePipe::isOpen);
    if (gone) {
      lostBytes += lostBytes(process);
    }
    return gone;
  }

  // For its processes.

  void onPump(Runnable task) {
    boolean was = onPump;
    onPump = true;
    try {
      task.run();
    } finally {
      onPump = was;
    }
  }

  void checkPump() {
    if (!onPump) {
      throw new IllegalStateException("called beside the pump");
    }
  }

  void add(FakeProcess process) {
    processes.add(process);
  }
}
