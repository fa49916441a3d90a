package dev.runnel.cli;

/** Text from elsewhere, made fit for a terminal. */
final class Text {
  private Text() {}

  /** Without line ends and control characters, which could make a terminal show what is not so. */
  static String oneLine(String text) {
    StringBuilder line = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      line.append(Character.isISOControl(c) ? ' ' : c);
    }
    return line.toString();
  }
}
