package dev.runnel.process.sys;

/** As much of a text as is shown to people. */
public final class CommandExcerpt {
  /** In characters, not in units of UTF-16. */
  public static final int MAX_LENGTH = 256;

  private CommandExcerpt() {}

  public static String of(String text) {
    return text.codePointCount(0, text.length()) <= MAX_LENGTH
        ? text
        : text.substring(0, text.offsetByCodePoints(0, MAX_LENGTH));
  }
}
