package dev.runnel.settings;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;

/** Settings with which a daemon can't start. Has no stack trace: it is the operator's mistake. */
public final class SettingsException extends Exception {
  private static final long serialVersionUID = 1;
  private final int exitCode;

  private SettingsException(int exitCode, String message) {
    super(message, null, false, false);
    this.exitCode = exitCode;
  }

  /** The command line is wrong. */
  static SettingsException usage(String message) {
    return new SettingsException(2, message);
  }

  /** What it names can't be used. */
  public static SettingsException config(String message) {
    return new SettingsException(1, message);
  }

  public int exitCode() {
    return exitCode;
  }

  /** What is wrong with a file, in words. */
  public static String reason(IOException e) {
    return switch (e) {
      case NoSuchFileException _ -> "no such file";
      case AccessDeniedException _ -> "permission denied";
      case FileAlreadyExistsException _ -> "there is a file in its place";
      default -> e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    };
  }
}
