package dev.runnel.cli;

import dev.runnel.wire.ProtocolException;

/** What to say when a job can't be followed to its end: what is known of it, and what is not. */
final class ConnectionErrors {
  /** What the server had said by then. */
  enum Heard {
    NOTHING,
    /** Nothing yet of what we are, so that it was not asked for a job. */
    BEFORE_THE_REQUEST,
    SOMETHING,
    /** There is a job. */
    JOB
  }

  private ConnectionErrors() {}

  /**
   * The connection is gone.
   *
   * @param received bytes of output that came
   */
  static Failure lost(Host host, Heard heard, long received, ConnectionLost cut) {
    String silent = host.name() + " closed the connection without an answer";
    return Failure.of(
        switch (heard) {
              case JOB ->
                  "connection to "
                      + host.name()
                      + " lost after "
                      + received
                      + " bytes of output"
                      + unknown(heard);
              case NOTHING, BEFORE_THE_REQUEST -> silent + hint(host) + unknown(heard);
              case SOMETHING -> silent + unknown(heard);
            }
            + cut.because());
  }

  /** What is not known then. */
  static String unknown(Heard heard) {
    return switch (heard) {
      case JOB -> "; the command's end is not known";
      case BEFORE_THE_REQUEST -> "; nothing was run";
      case NOTHING, SOMETHING -> "; whether the command ran is not known";
    };
  }

  /** What may be wrong with a server that closed without a word; it may be empty. */
  static String hint(Host host) {
    // A server can't say so to somebody who speaks no TLS.
    return host instanceof Host.Tcp tcp && tcp.cover() instanceof Host.Clear
        ? " (does it expect --tls?)"
        : "";
  }

  /** What came is no frame. */
  static Failure garbled(Host host, Heard heard, long received, ProtocolException e) {
    return Failure.of(
        heard == Heard.NOTHING
            ? host.name() + " does not speak Runnel's protocol: " + e.getMessage()
            : host.name()
                + " sent a broken frame after "
                + received
                + " bytes of output: "
                + e.getMessage());
  }

  /** It is there again, and has no such job. */
  static Failure forgotten(Host host, Heard heard) {
    return Failure.of(
        host.name()
            + (heard == Heard.JOB
                ? " does not know the job any more; the command's end is not known"
                : " was lost before it answered; whether the command ran is not known"));
  }

  /** It is there again, in another life. */
  static Failure restarted(Host host) {
    return Failure.of(host.name() + " was started anew; what became of the job is not known");
  }
}
