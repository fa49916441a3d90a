package dev.runnel.cli;

import dev.runnel.model.ErrorCode;
import dev.runnel.model.Event;

/** An error that a server answered, for people. */
final class Refusal {
  private Refusal() {}

  static Failure of(Host host, Event.Failed failed) {
    String hint =
        failed.code() == ErrorCode.UNAUTHENTICATED
            ? " (a token goes into RUNNEL_TOKEN or --token-file)"
            : "";
    return Failure.of(
        host.name() + ": " + failed.code().wireName() + ": " + failed.message() + hint);
  }
}
