package dev.runnel.model;

import java.util.Locale;

/** Every error there is. PROTOCOL.md, "Errors". */
public enum ErrorCode {
  BAD_FRAME(Scope.CONNECTION),
  HEADER_TOO_LARGE(Scope.CONNECTION),
  BODY_TOO_LARGE(Scope.CONNECTION),
  DUPLICATE_ID(Scope.CONNECTION),
  UNSUPPORTED_VERSION(Scope.CONNECTION),
  UNAUTHENTICATED(Scope.CONNECTION),
  TOO_MANY_CONNECTIONS(Scope.CONNECTION),
  TOO_MANY_FAILURES(Scope.CONNECTION),
  BAD_NOTICE(Scope.CONNECTION),
  TOO_SLOW(Scope.CONNECTION),
  BAD_REQUEST(Scope.REQUEST),
  UNKNOWN_TYPE(Scope.REQUEST),
  UNSUPPORTED(Scope.REQUEST),
  UNKNOWN_JOB(Scope.REQUEST),
  JOB_EXISTS(Scope.REQUEST),
  STALE(Scope.REQUEST),
  FORBIDDEN(Scope.REQUEST),
  BUSY(Scope.REQUEST),
  UNAVAILABLE(Scope.REQUEST),
  INTERNAL(Scope.REQUEST);

  /** What an error ends. */
  public enum Scope {
    CONNECTION,
    REQUEST
  }

  private final Scope scope;
  private final String wireName = name().toLowerCase(Locale.ROOT);

  ErrorCode(Scope scope) {
    this.scope = scope;
  }

  /** Whether a connection was turned away that may be let in later, as it is. */
  public boolean isTurnedAway() {
    return this == TOO_MANY_CONNECTIONS || this == TOO_MANY_FAILURES;
  }

  public Scope scope() {
    return scope;
  }

  public String wireName() {
    return wireName;
  }
}
