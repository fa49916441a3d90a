package dev.runnel.settings;

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
}
