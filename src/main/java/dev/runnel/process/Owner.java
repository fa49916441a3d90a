package dev.runnel.process;

import dev.runnel.model.Stream;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A process's listener at arm's length: an exception out of it ends the process, not the pump.
 * After the first it is not called again.
 */
final class Owner {

  private final ProcessListener listener;
  private final Runnable onFailure;
  private boolean failed;

  Owner(ProcessListener listener, Runnable onFailure) {
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

  /** Gives the process up for a reason of its own. */
  void fail(Throwable thrown) {
    failed = true;
    Trouble.report("process given up, its owner failed", thrown);
    onFailure.run();
  }
}
