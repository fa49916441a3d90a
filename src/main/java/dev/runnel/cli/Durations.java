package dev.runnel.cli;

import java.time.Duration;

/** Durations as people write them: a number and its unit. */
public final class Durations {
  /** A year, as on the wire: beyond it nobody means a duration. */
  private static final Duration MAX = Duration.ofDays(365);

  private static final String EXPECTED = "a duration with its unit: 500ms, 30s, 5m or 2h";

  private Durations() {}

  /** Reads an option's value, from the least it may be to a year. */
  static Duration parse(Option option, String text, Duration min) throws Failure {
    Duration duration;
    try {
      duration = parse(text);
    } catch (IllegalArgumentException e) {
      throw Failure.usage(option.name() + ": " + e.getMessage());
    }
    if (duration.compareTo(min) < 0) {
      throw Failure.usage(option.name() + ": " + text + " (expected: >= " + min.toMillis() + "ms)");
    }
    return duration;
  }

  /**
   * Reads one, a year at most.
   *
   * @throws IllegalArgumentException saying what the text is and what was expected
   */
  public static Duration parse(String text) {
    int digits = 0;
    while (digits < text.length() && text.charAt(digits) >= '0' && text.charAt(digits) <= '9') {
      digits++;
    }
    long unit =
        switch (text.substring(digits)) {
          case "ms" -> 1;
          case "s" -> 1_000;
          case "m" -> 60_000;
          case "h" -> 3_600_000;
          default -> 0;
        };
    if (unit == 0 || digits == 0) {
      String hint = digits > 0 && digits == text.length() ? "; did you mean " + text + "s?" : "";
      throw new IllegalArgumentException(text + " (expected: " + EXPECTED + hint + ")");
    }
    // More digits than a year in milliseconds has are beyond the limit whatever they say.
    long number = digits > 12 ? Long.MAX_VALUE / unit : Long.parseLong(text, 0, digits, 10);
    Duration duration = Duration.ofMillis(number * unit);
    if (duration.compareTo(MAX) > 0) {
      throw new IllegalArgumentException(text + " (limit: " + MAX.toHours() + "h)");
    }
    return duration;
  }

  /** For people: the largest unit that is exact. */
  static String show(Duration duration) {
    long millis = duration.toMillis();
    if (millis % 3_600_000 == 0 && millis > 0) {
      return millis / 3_600_000 + "h";
    }
    if (millis % 60_000 == 0 && millis > 0) {
      return millis / 60_000 + "m";
    }
    return millis % 1_000 == 0 ? millis / 1_000 + "s" : millis + "ms";
  }
}
