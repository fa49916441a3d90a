package dev.runnel.process.engine;

import dev.runnel.model.Stream;
import dev.runnel.process.ProcessListener;
import dev.runnel.process.sys.EngineLog;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A process's listener at arm's length: an exception out of it ends the process, not the pump.
 * After the first it hears only the last things, so that it can come to an end itself.
 */
final class GuardedListener {

  private final ProcessListener listener;
  private final Runnable onFailure;
  private boolean failed;

  GuardedListener(ProcessListener listener, Runnable onFailure) {
    this.listener = listener;
    this.onFailure = onFailure;
  }

  void tell(Consumer<ProcessListener> call) {
    if (!failed) {
      try {
        call.accept(listener);
      } catch (Throwable thrown) {
        fail(thrown);
      }
    }
  }

  @Nullable MemorySegment reserve(Stream stream) {
    try {
      return failed ? null : listener.reserve(stream);
    } catch (Throwable thrown) {
      fail(thrown);
      return null;
    }
  }

  @Nullable MemorySegment pendingInput() {
    try {
      return failed ? null : listener.pendingInput();
    } catch (Throwable thrown) {
      fail(thrown);
      return null;
    }
  }

  /** Tells what it is told even if it failed before; false: it failed at that. */
  boolean tellLast(Consumer<ProcessListener> call) {
    try {
      call.accept(listener);
      return true;
    } catch (Throwable thrown) {
      fail(thrown);
      return false;
    }
  }

  /** Gives the process up, for a reason of its own. Idempotent. */
  void fail(Throwable thrown) {
    EngineLog.report("process given up, its owner failed", thrown);
    if (!failed) {
      failed = true;
      onFailure.run();
    }
  }
}
