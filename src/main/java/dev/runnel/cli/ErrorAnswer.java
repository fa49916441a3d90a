package dev.runnel.cli;

import dev.runnel.model.ErrorCode;
import dev.runnel.model.Event;

/** An error that a server answered, for people. */
final class ErrorAnswer {
  private static final long NEVER = -1;

  private ErrorAnswer() {}

  static Failure of(Host host, Event.Failed failed) {
    Long told = failed.retryAfterMillis();
    return Failure.refused(
        host.name()
            + ": "
            + failed.code().wireName()
            + ": "
            + failed.message()
            + hint(failed.code()),
        !failed.code().isTurnedAway() ? NEVER : told == null ? 0 : told);
  }

  private static String hint(ErrorCode code) {
    return code == ErrorCode.UNAUTHENTICATED
        ? " (a token goes into RUNNEL_TOKEN or --token-file)"
        : code.isTurnedAway() ? " (--wait 1m tries again for so long)" : "";
  }
}
