package dev.runnel.model;

/** The wait status of a process, wait(2): a code or a signal, never both, never 128+n. */
public sealed interface ExitStatus {
  /** It exited by itself with this code, 0 to 255. */
  record Exited(int code) implements ExitStatus {}

  /** A signal ended it. */
  record Signaled(int number) implements ExitStatus {
    public String signalName() {
      return Signal.nameOf(number);
    }
  }
}
