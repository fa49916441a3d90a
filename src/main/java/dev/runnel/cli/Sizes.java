package dev.runnel.cli;

import dev.runnel.wire.Limits;

/** Numbers of bytes as people write them: plain, or in units of 1,024. */
final class Sizes {
  private Sizes() {}

  /** Reads an option's value, from the least it may be to what a frame can tell. */
  static long parse(Option option, String text, long min) throws Failure {
    int digits = 0;
    while (digits < text.length() && text.charAt(digits) >= '0' && text.charAt(digits) <= '9') {
      digits++;
    }
    int shift =
        switch (text.substring(digits)) {
          case "", "B" -> 0;
          case "K", "KiB" -> 10;
          case "M", "MiB" -> 20;
          case "G", "GiB" -> 30;
          default -> -1;
        };
    if (shift < 0 || digits == 0) {
      throw Failure.usage(
          option.name() + ": " + text + " (expected: bytes, such as 65536, 64K, 1M or 2G)");
    }
    long number = digits > 16 ? Long.MAX_VALUE : Long.parseLong(text, 0, digits, 10);
    if (number > Limits.MAX_INTEGER >> shift) {
      throw Failure.usage(option.name() + ": " + text + " (limit: " + Limits.MAX_INTEGER + ")");
    }
    if (number << shift < min) {
      throw Failure.usage(option.name() + ": " + text + " (expected: >= " + min + ")");
    }
    return number << shift;
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
