package dev.runnel.model;

import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * What a job's owner wrote on it, for finding it again: names and their values, in the order of the
 * names. Immutable. PROTOCOL.md, "Requests", {@code labels}.
 */
public record Labels(Map<String, String> values) {
  public static final int MAX_LABELS = 16;
  public static final int MAX_VALUE_LENGTH = 128;

  /** Of all names and values in UTF-8, so that a status is a header still. */
  public static final int MAX_BYTES = 2_048;

  /** None. */
  public static final Labels NONE = new Labels(Map.of());

  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._/-]{0,63}");

  public Labels {
    values = Collections.unmodifiableMap(new TreeMap<>(values));
  }

  /**
   * Lets pass what a job may have.
   *
   * @throws IllegalArgumentException if there are too many, or one has a name or a value that none
   *     may have; the message names it and the limit
   */
  public void check() {
    if (values.size() > MAX_LABELS) {
      throw new IllegalArgumentException(values.size() + " of them (limit: " + MAX_LABELS + ")");
    }
    values.forEach(Labels::check);
    int bytes = 0;
    for (Map.Entry<String, String> label : values.entrySet()) {
      bytes += bytes(label.getKey()) + bytes(label.getValue());
    }
    if (bytes > MAX_BYTES) {
      throw new IllegalArgumentException(bytes + " bytes (limit: " + MAX_BYTES + ")");
    }
  }

  private static int bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8).length;
  }

  private static void check(String name, String value) {
    if (!NAME.matcher(name).matches()) {
      throw new IllegalArgumentException(
          "name " + SafeText.oneLine(name) + " (expected: " + NAME.pattern() + ")");
    }
    if (value.length() > MAX_VALUE_LENGTH) {
      throw new IllegalArgumentException(
          name + ": " + value.length() + " characters (limit: " + MAX_VALUE_LENGTH + ")");
    }
    if (!SafeText.oneLine(value).equals(value)) {
      throw new IllegalArgumentException(
          name + ": " + SafeText.oneLine(value) + " (expected: no control characters)");
    }
  }

  public boolean isEmpty() {
    return values.isEmpty();
  }

  /** Whether each of the others is among these, with the same value. */
  public boolean contain(Labels others) {
    return values.entrySet().containsAll(others.values.entrySet());
  }
}
