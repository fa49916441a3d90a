package dev.runnel.process;

/** As much of a text as is shown to people. */
final class CommandExcerpt {
  /** In characters, not in units of UTF-16. */
  static final int MAX_LENGTH = 256;

  private CommandExcerpt() {}

  static String of(String text) {
    return text.codePointCount(0, text.length()) <= MAX_LENGTH
        ? text
        : text.substring(0, text.offsetByCodePoints(0, MAX_LENGTH));
  }
}
