package dev.runnel.cli;

import dev.runnel.wire.Limits;

/** Numbers of bytes as people write them: plain, or in units of 1,024. */
public final class Sizes {
  private Sizes() {}

  /** Reads an option's value, from the least it may be to what a frame can tell. */
  static long parse(Option option, String text, long min) throws Failure {
    long bytes;
    try {
      bytes = parse(text);
    } catch (IllegalArgumentException e) {
      throw Failure.usage(option.name() + ": " + e.getMessage());
    }
    if (bytes < min) {
      throw Failure.usage(option.name() + ": " + text + " (expected: >= " + min + ")");
    }
    return bytes;
  }

  /**
   * Reads one, of what a frame can tell at most.
   *
   * @throws IllegalArgumentException saying what the text is and what was expected
   */
  public static long parse(String text) {
    int digits = digits(text, 0);
    boolean point = digits > 0 && digits < text.length() && text.charAt(digits) == '.';
    int end = point ? digits(text, digits + 1) : digits;
    long unit = unit(text.substring(end));
    if (unit == 0 || digits == 0 || end - digits > 10 || (point && end == digits + 1)) {
      throw new IllegalArgumentException(
          text + " (expected: bytes, such as 65536, 64K, 1.5M or 2G)");
    }
    long number = digits > 16 ? Long.MAX_VALUE : Long.parseLong(text, 0, digits, 10);
    if (number > Limits.MAX_INTEGER / unit) {
      throw new IllegalArgumentException(text + " (limit: " + Limits.MAX_INTEGER + ")");
    }
    double fraction = point ? Double.parseDouble("0" + text.substring(digits, end)) : 0;
    return number * unit + (long) (fraction * unit);
  }

  private static int digits(String text, int from) {
    int end = from;
    while (end < text.length() && text.charAt(end) >= '0' && text.charAt(end) <= '9') {
      end++;
    }
    return end;
  }

  /**
   * As the tools of GNU have it: K, Ki and KiB are 1,024, KB is 1,000. 0: there is no such unit.
   */
  private static long unit(String name) {
    if (name.isEmpty() || name.equals("B")) {
      return 1;
    }
    int power = "KMGT".indexOf(Character.toUpperCase(name.charAt(0))) + 1;
    long base =
        switch (name.substring(1)) {
          case "", "i", "iB" -> 1_024;
          case "B" -> 1_000;
          default -> 0;
        };
    long unit = power == 0 || base == 0 ? 0 : 1;
    for (int i = 0; i < power; i++) {
      unit *= base;
    }
    return unit;
  }

  /** For people: three digits or so, and a unit that {@link #parse} reads. */
  public static String show(long bytes) {
    if (bytes < 1_024) {
      return "" + bytes;
    }
    int power = Math.min(4, (63 - Long.numberOfLeadingZeros(bytes)) / 10);
    long tenths = (bytes * 10) >> (10 * power);
    String fraction = tenths >= 100 || tenths % 10 == 0 ? "" : "." + tenths % 10;
    return tenths / 10 + fraction + "KMGT".charAt(power - 1);
  }

  /** Reads an offset, in bytes. */
  static long offset(Option option, String text) throws Failure {
    boolean digits = !text.isEmpty() && text.length() <= 16;
    for (int i = 0; i < text.length(); i++) {
      digits &= text.charAt(i) >= '0' && text.charAt(i) <= '9';
    }
    if (!digits || Long.parseLong(text) > Limits.MAX_INTEGER) {
      throw Failure.usage(option.name() + ": " + text + " (expected: an offset in bytes)");
    }
    return Long.parseLong(text);
  }
}
