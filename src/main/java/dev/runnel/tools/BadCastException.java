package dev.runnel.tools;

import java.nio.file.Path;

/** A recording that can't be played on; the message names file and line. Has no stack trace. */
final class BadCastException extends Exception {
  private static final long serialVersionUID = 1;

  BadCastException(Path file, long line, String what) {
    super(file + ":" + line + ": " + what, null, false, false);
  }
}
