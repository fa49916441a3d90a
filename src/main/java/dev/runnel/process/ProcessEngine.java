package dev.runnel.process;

import dev.runnel.model.CommandSpec;
import dev.runnel.model.JobId;
import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.function.BooleanSupplier;

/**
 * Starts processes and looks after them. A node has one. Everything it has to say, it says on one
 * thread, the pump: a listener needs no locks of its own.
 *
 * <p>{@link #execute} runs a task on the pump, in the order given; it may be called from any thread
 * and never blocks.
 */
public interface ProcessEngine extends Executor, AutoCloseable {
  /**
   * Starts a command in a session of its own; returns at once. The listener hears exactly one of
   * {@code started}, {@code startFailed}, {@code startRefused} and {@code startVoided}.
   *
   * @param job goes into the command's environment as RUNNEL_JOB
   * @param claim asked on a spawner thread just before the process is made; false: it is not made
   */
  void start(JobId job, CommandSpec command, BooleanSupplier claim, ProcessListener listener);

  /** Runs a task on the pump after the delay; tasks due at the same moment keep their order. */
  Timer schedule(Duration delay, Runnable task);

  /** Monotonic time in nanoseconds, the clock that {@link #schedule} goes by. */
  long nanoTime();

  /** Kills what still runs, without grace, then ends the threads; blocks until both are done. */
  @Override
  void close();

  /** A task that waits for its time. */
  interface Timer {
    /** Called on the pump, the task does not run afterwards. */
    void cancel();
  }
}
