package dev.runnel.wire;

import dev.runnel.model.ErrorCode;

/** A peer's mistake that ends one request. Has no stack trace: it is not ours. */
public final class RequestException extends Exception {
  private static final long serialVersionUID = 1;
  private final ErrorCode code;
  private final String message;

  /** The message is for the peer: it names the key, the value and the limit. */
  public RequestException(ErrorCode code, String message) {
    super(message, null, false, false);
    if (code.scope() != ErrorCode.Scope.REQUEST) {
      throw new IllegalArgumentException("code: " + code + " (expected: one of a request)");
    }
    this.code = code;
    this.message = message;
  }

  static RequestException bad(String message) {
    return new RequestException(ErrorCode.BAD_REQUEST, message);
  }

  @Override
  public String getMessage() {
    return message;
  }

  public ErrorCode code() {
    return code;
  }
}
