package dev.runnel.model;

import org.jspecify.annotations.Nullable;

/** A job's name, unique on its node. PROTOCOL.md, "Requests", key {@code job}. */
public record JobId(String value) implements Comparable<JobId> {
  public static final int MAX_LENGTH = 64;
  public static final String PATTERN = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}";

  public JobId {
    if (!isValid(value)) {
      throw new IllegalArgumentException("not a job id (expected: " + PATTERN + ")");
    }
  }

  /** Whether the text can be a job's name. */
  public static boolean isValid(String text) {
    if (text.isEmpty() || text.length() > MAX_LENGTH || !isAlphanumeric(text.charAt(0))) {
      return false;
    }
    for (int i = 1; i < text.length(); i++) {
      char c = text.charAt(i);
      if (!isAlphanumeric(c) && c != '.' && c != '_' && c != '-') {
        return false;
      }
    }
    return true;
  }

  private static boolean isAlphanumeric(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  }

  // A record's own would be put together at run time, in every client's start.
  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof JobId id && value.equals(id.value);
  }

  @Override
  public int hashCode() {
    return value.hashCode();
  }

  @Override
  public int compareTo(JobId other) {
    return value.compareTo(other.value);
  }

  @Override
  public String toString() {
    return value;
  }
}
