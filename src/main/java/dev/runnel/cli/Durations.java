package dev.runnel.cli;

import java.time.Duration;

/** Durations as people write them: numbers with their units, the largest unit first. */
public final class Durations {
  /** A year, as on the wire: beyond it nobody means a duration. */
  private static final Duration MAX = Duration.ofDays(365);

  private static final String EXPECTED = "a duration with its unit: 500ms, 30s, 5m, 1h30m or 2d";

  private Durations() {}

  /** Reads an option's value, from the least it may be to a year. */
  public static Duration parse(Option option, String text, Duration min) throws Failure {
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
    double millis = 0;
    double last = Double.MAX_VALUE;
    for (int at = 0; at < text.length() || at == 0; ) {
      int number = end(text, at, true);
      int next = end(text, number, false);
      double unit = unit(text.substring(number, next));
      if (number == at || unit == 0 || unit >= last || !isNumber(text.substring(at, number))) {
        boolean bare = at == 0 && number == text.length() && number > 0;
        String hint = bare ? "; did you mean " + text + "s?" : "";
        throw new IllegalArgumentException(text + " (expected: " + EXPECTED + hint + ")");
      }
      millis += Double.parseDouble(text.substring(at, number)) * unit;
      last = unit;
      at = next;
    }
    if (millis > MAX.toMillis()) {
      throw new IllegalArgumentException(text + " (limit: " + MAX.toHours() + "h)");
    }
    return Duration.ofMillis(Math.round(millis));
  }

  // Where the number, or what is none, that begins there ends.
  private static int end(String text, int from, boolean inNumber) {
    int end = from;
    while (end < text.length() && "0123456789.".indexOf(text.charAt(end)) >= 0 == inNumber) {
      end++;
    }
    return end;
  }

  private static boolean isNumber(String text) {
    int point = text.indexOf('.');
    return point < 0 || (point > 0 && point == text.lastIndexOf('.') && !text.endsWith("."));
  }

  /** In milliseconds; 0: there is no such unit. */
  private static double unit(String name) {
    return switch (name) {
      case "ms" -> 1;
      case "s" -> 1_000;
      case "m" -> 60_000;
      case "h" -> 3_600_000;
      case "d" -> 86_400_000;
      default -> 0;
    };
  }

  /** For people: the largest unit that is exact. */
  public static String show(Duration duration) {
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
