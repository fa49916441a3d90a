package dev.runnel.cli;

/** Why a verb ends without having done its work: a line for people and the exit code. */
public final class Failure extends Exception {
  private static final long serialVersionUID = 1;

  /** Of everything that is not the command's: ours, the transport's, the server's. */
  static final int OURS = 255;

  /** Of wrong usage, except of {@code exec}, whose codes are the command's. */
  static final int USAGE = 2;

  /** Of a file that is of no use to a verb that has no commands. */
  static final int FILE = 1;

  /** As a shell tells of a program that SIGPIPE ended. */
  static final int STDOUT_GONE = 141;

  private final int exitCode;
  private final Cause cause;

  /** After how many milliseconds another try may go better; negative: it will not. */
  private final long retryMillis;

  private enum Cause {
    /** Something could not be written. */
    OUTPUT,
    /** The server said so. */
    REFUSAL,
    OTHER
  }

  private Failure(int exitCode, Cause cause, String message) {
    this(exitCode, cause, message, -1);
  }

  private Failure(int exitCode, Cause cause, String message, long retryMillis) {
    super(message, null, false, false);
    this.exitCode = exitCode;
    this.cause = cause;
    this.retryMillis = retryMillis;
  }

  /** Something failed that the caller asked for rightly. */
  public static Failure of(String message) {
    return new Failure(OURS, Cause.OTHER, message);
  }

  /** The same with an exit code of the verb's own. */
  public static Failure of(int exitCode, String message) {
    return new Failure(exitCode, Cause.OTHER, message);
  }

  /**
   * The server answered with an error.
   *
   * @param retryMillis after how long another try may go better; 0: nobody knows; negative: it will
   *     not
   */
  static Failure refused(String message, long retryMillis) {
    return new Failure(OURS, Cause.REFUSAL, message, retryMillis);
  }

  /** Our output can't be written. */
  static Failure unwritten(String message) {
    return new Failure(OURS, Cause.OUTPUT, message);
  }

  /** Whoever read our output left. */
  static Failure stdoutGone(String message) {
    return new Failure(STDOUT_GONE, Cause.OUTPUT, message);
  }

  /** The arguments are wrong; the message names the one and what was expected. */
  public static Failure usage(String message) {
    return new Failure(USAGE, Cause.OTHER, message);
  }

  /** A mistake of ours, with the place where it showed. */
  static Failure bug(Throwable e) {
    StackTraceElement[] trace = e.getStackTrace();
    return of("internal error: " + e + (trace.length == 0 ? "" : " at " + trace[0]));
  }

  /** Whether some output was not written. */
  boolean isOfOutput() {
    return cause == Cause.OUTPUT;
  }

  /** Whether a server answered so. */
  boolean isRefusal() {
    return cause == Cause.REFUSAL;
  }

  /** Whether it may go better another time. */
  boolean isPassing() {
    return retryMillis >= 0;
  }

  /** After how many milliseconds it may; 0: nobody knows. */
  long retryMillis() {
    return retryMillis;
  }

  public int exitCode() {
    return exitCode;
  }

  public String line() {
    return String.valueOf(getMessage());
  }
}
