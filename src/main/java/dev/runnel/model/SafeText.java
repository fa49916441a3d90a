package dev.runnel.model;

/**
 * Text of others, made fit for terminals, logs and lines of JSON: without what would make one show
 * what is not so. Any thread.
 */
public final class SafeText {
  private static final int HEX_DIGITS = 4;

  private SafeText() {}

  /**
   * Whether a character steers whoever shows it: control characters, ends of lines, and those that
   * turn the direction of writing (UAX #9, "Explicit Directional").
   */
  public static boolean isSteering(char c) {
    return Character.isISOControl(c)
        || c == '\u061C'
        || (c >= '\u200E' && c <= '\u200F')
        || (c >= '\u2028' && c <= '\u202E')
        || (c >= '\u2066' && c <= '\u2069');
  }

  /** With a blank for each of them. */
  public static String oneLine(String text) {
    StringBuilder line = new StringBuilder(text);
    for (int i = 0; i < text.length(); i++) {
      if (isSteering(text.charAt(i))) {
        line.setCharAt(i, ' ');
      }
    }
    return line.toString();
  }

  /** JSON with each of them escaped, which there are within strings only. */
  public static String json(String json) {
    StringBuilder escaped = null;
    for (int i = 0; i < json.length(); i++) {
      char c = json.charAt(i);
      if (isSteering(c)) {
        escaped =
            escaped == null ? new StringBuilder(json.length() + 32).append(json, 0, i) : escaped;
        escape(escaped, c);
      } else if (escaped != null) {
        escaped.append(c);
      }
    }
    return escaped == null ? json : escaped.toString();
  }

  /** As JSON has it within a string. */
  public static void escape(StringBuilder to, char c) {
    to.append("\\u");
    for (int shift = 4 * (HEX_DIGITS - 1); shift >= 0; shift -= 4) {
      to.append(Character.forDigit(c >> shift & 0xF, 16));
    }
  }
}
