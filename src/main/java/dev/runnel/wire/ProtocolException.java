package dev.runnel.wire;

import dev.runnel.model.ErrorCode;
import org.jspecify.annotations.Nullable;

/** A peer's mistake that its connection does not survive. Has no stack trace: it is not ours. */
public final class ProtocolException extends Exception {
  private static final long serialVersionUID = 1;
  private final ErrorCode code;
  private final String message;
  private final @Nullable Long retryAfterMillis;

  /** The message is for the peer: it names the value and the limit. */
  public ProtocolException(ErrorCode code, String message) {
    this(code, message, null);
  }

  /** The same, where another connection may go better after that time. */
  public ProtocolException(ErrorCode code, String message, @Nullable Long retryAfterMillis) {
    super(message, null, false, false);
    if (code.scope() != ErrorCode.Scope.CONNECTION) {
      throw new IllegalArgumentException("code: " + code + " (expected: one that closes)");
    }
    this.code = code;
    this.message = message;
    this.retryAfterMillis = retryAfterMillis;
  }

  @Override
  public String getMessage() {
    return message;
  }

  public @Nullable Long retryAfterMillis() {
    return retryAfterMillis;
  }

  public ErrorCode code() {
    return code;
  }
}
