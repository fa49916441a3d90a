package dev.runnel.job;

import dev.runnel.model.ErrorCode;

/** A request that can't be met now; nothing was done. Has no stack trace: it is nobody's bug. */
public final class RejectedException extends Exception {
  private static final long serialVersionUID = 1;
  private final ErrorCode code;
  private final String message;

  /** The message is for the client: it names the value and the limit. */
  public RejectedException(ErrorCode code, String message) {
    super(message, null, false, false);
    this.code = code;
    this.message = message;
  }

  @Override
  public String getMessage() {
    return message;
  }

  public ErrorCode code() {
    return code;
  }
}
