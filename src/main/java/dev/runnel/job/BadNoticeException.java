package dev.runnel.job;

/**
 * A runner's notice that contradicts what it was told. Has no stack trace: it is not our mistake.
 */
public final class BadNoticeException extends Exception {
  private static final long serialVersionUID = 1;
  private final String message;

  BadNoticeException(String message) {
    super(message, null, false, false);
    this.message = message;
  }

  @Override
  public String getMessage() {
    return message;
  }
}
