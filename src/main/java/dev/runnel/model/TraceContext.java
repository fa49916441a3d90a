package dev.runnel.model;

import java.util.regex.Pattern;

/**
 * What a run is a part of: the value of a {@code traceparent} of W3C Trace Context, level 1. Its
 * trace is what logs of many programs have in common.
 *
 * @param value as it came, and as the command gets it
 */
public record TraceContext(String value) {
  /** Of a command's environment. */
  public static final String VARIABLE = "TRACEPARENT";

  /** That of a version from 01 to fe may go on after a hyphen. */
  private static final int MAX_LENGTH = 256;

  private static final Pattern FORM =
      Pattern.compile(
          "(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}");
  private static final Pattern LATER_FORM = Pattern.compile("(?!00).{55}-[!-~]+");
  private static final int LENGTH = 55;
  private static final int TRACE_BEGINS = 3;
  private static final int TRACE_ENDS = 35;

  /**
   * @throws IllegalArgumentException if it is none
   */
  public TraceContext {
    if (!isOne(value)) {
      throw new IllegalArgumentException(
          SafeText.oneLine(value) + " (expected: a traceparent, VERSION-TRACE-PARENT-FLAGS)");
    }
  }

  /** Whether that is one. */
  public static boolean isOne(String value) {
    if (value.length() < LENGTH || value.length() > MAX_LENGTH) {
      return false;
    }
    return FORM.matcher(value).region(0, LENGTH).matches()
        && (value.length() == LENGTH || LATER_FORM.matcher(value).matches());
  }

  /** The 32 hexadecimal digits of the whole trace. */
  public String traceId() {
    return value.substring(TRACE_BEGINS, TRACE_ENDS);
  }
}
