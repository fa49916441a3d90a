package dev.runnel.process.sys;

/** A call that has no business to fail, and did. */
public final class LibcException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final int errno;

  public LibcException(String call, int errno) {
    super(call + ": " + Errno.description(errno));
    this.errno = errno;
  }

  public int errno() {
    return errno;
  }

  /** The result, unless it is a negated errno. */
  public static int check(String call, int result) {
    if (result < 0) {
      throw new LibcException(call, -result);
    }
    return result;
  }
}
