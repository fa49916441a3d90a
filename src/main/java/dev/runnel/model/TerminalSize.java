package dev.runnel.model;

/** How large a terminal is, in characters: each from 1 to {@link #MAX}. */
public record TerminalSize(int rows, int cols) {
  /** What the kernel's two bytes hold. */
  public static final int MAX = 65_535;

  public static final TerminalSize DEFAULT = new TerminalSize(24, 80);

  public TerminalSize {
    check("rows", rows);
    check("cols", cols);
  }

  private static void check(String name, int value) {
    if (value < 1 || value > MAX) {
      throw new IllegalArgumentException(
          name + ": " + value + " (expected: from 1 to " + MAX + ")");
    }
  }
}
