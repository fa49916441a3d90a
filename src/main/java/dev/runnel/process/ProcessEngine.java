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
   * @param claim asked just before the process is made, on the thread that makes it; false: it is
   *     not made
   */
  void start(JobId job, CommandSpec command, BooleanSupplier claim, ProcessListener listener);

  /**
   * The same, by the calling thread itself if that can be: sooner, as no other has to be woken, but
   * it is held up for as long as the system likes. Not on the pump.
   */
  default void startHere(
      JobId job, CommandSpec command, BooleanSupplier claim, ProcessListener listener) {
    start(job, command, claim, listener);
  }

  /** Runs a task on the pump after the delay; tasks due at the same moment keep their order. */
  Timer schedule(Duration delay, Runnable task);

  /** Monotonic time in nanoseconds, the clock that {@link #schedule} goes by. */
  long nanoTime();

  /**
   * How many processes were found that are of no job that runs. Any thread.
   *
   * @return 0 also where nobody looks for them
   */
  default long orphans() {
    return 0;
  }

  /** Kills what still runs, without grace, then ends the threads; blocks until both are done. */
  @Override
  void close();

  /** A task that waits for its time. */
  interface Timer {
    /** Called on the pump, the task does not run afterwards. */
    void cancel();
  }
}
