package dev.runnel.threads;

import java.util.concurrent.Executor;
import java.util.function.Consumer;

/**
 * Gives a task to another thread. Whatever is thrown is answered, once: by the executor that has no
 * thread or no memory for the task, or by the task itself. An Error is a failure like any other.
 */
public final class TaskHandOver {
  private TaskHandOver() {}

  /**
   * Has the executor run the task.
   *
   * @param onFailure told what was thrown; on the calling thread or on the task's
   */
  public static void to(Executor executor, Runnable task, Consumer<? super Throwable> onFailure) {
    boolean[] begun = new boolean[1];
    try {
      executor.execute(
          () -> {
            begun[0] = true;
            run(task, onFailure);
          });
    } catch (Throwable thrown) {
      // A task that ran here and now was answered already.
      if (!begun[0]) {
        onFailure.accept(thrown);
      }
    }
  }

  /** Runs the task here and now, with the same answer. */
  public static void run(Runnable task, Consumer<? super Throwable> onFailure) {
    try {
      task.run();
    } catch (Throwable thrown) {
      onFailure.accept(thrown);
    }
  }

  /** Runs all of them, whatever some throw; then throws the first of it. */
  public static void runAll(Runnable... tasks) {
    Throwable first = null;
    for (Runnable task : tasks) {
      try {
        task.run();
      } catch (Throwable thrown) {
        if (first == null) {
          first = thrown;
        } else {
          first.addSuppressed(thrown);
        }
      }
    }
    if (first instanceof Error error) {
      throw error;
    }
    if (first instanceof RuntimeException exception) {
      throw exception;
    }
    if (first != null) {
      throw new IllegalStateException(first);
    }
  }
}
