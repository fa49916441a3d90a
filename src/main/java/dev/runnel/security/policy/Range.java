package dev.runnel.security.policy;

/** A floor and a ceiling, both included. */
public record Range(long min, long max) {
  /** Without a limit, where that may be asked for. */
  public static final long UNLIMITED = Long.MAX_VALUE;

  public Range {
    if (min > max) {
      throw new IllegalArgumentException("min: " + min + " (max: " + max + ")");
    }
  }

  boolean contains(long value) {
    return min <= value && value <= max;
  }

  long nearest(long value) {
    return Math.clamp(value, min, max);
  }

  @Override
  public String toString() {
    return "from " + min + (max == UNLIMITED ? "" : " to " + max);
  }
}
