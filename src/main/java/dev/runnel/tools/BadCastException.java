package dev.runnel.tools;

import java.io.IOException;
import java.nio.file.Path;

/** A recording that can't be played on; the message names file and line. Has no stack trace. */
final class BadCastException extends IOException {
  private static final long serialVersionUID = 1;

  BadCastException(Path file, long line, String what) {
    super(file + ":" + line + ": " + what);
  }

  @Override
  public synchronized Throwable fillInStackTrace() {
    return this;
  }
}
