package dev.runnel.model;

import org.jspecify.annotations.Nullable;

/** The wait status of a process, wait(2): a code or a signal, never both, never 128+n. */
public sealed interface ExitStatus {
  /** It exited by itself with this code, 0 to 255. */
  record Exited(int code) implements ExitStatus {
    // As of JobId: a record's own would be put together in every client's start.
    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof Exited exited && code == exited.code;
    }

    @Override
    public int hashCode() {
      return code;
    }
  }

  /** A signal ended it. */
  record Signaled(int number) implements ExitStatus {
    public String signalName() {
      return Signal.nameOf(number);
    }
  }
}
