package dev.runnel.process.loop;

import dev.runnel.process.ProcessEngine;
import dev.runnel.process.sys.LibcException;
import java.time.Duration;
import java.util.concurrent.Executor;

/**
 * What the knowledge of trees needs of the pump. Every method but {@code execute} is for the pump
 * alone.
 */
public interface LoopTasks extends Executor {
  /** Something that is waited for, until then. */
  @FunctionalInterface
  interface Watch {
    /** Nothing is reported afterwards. Idempotent. */
    void end();
  }

  ProcessEngine.Timer schedule(Duration delay, Runnable task);

  /** Runs it here and now, and survives its exceptions. */
  void run(Runnable task);

  long nanoTime();

  /**
   * Has the task run, perhaps more than once, when the process has ended.
   *
   * @param pidfd stays the caller's, who closes it after the watch's end
   * @throws LibcException if the kernel has no room for it
   */
  Watch watch(int pidfd, Runnable onEnd);
}
