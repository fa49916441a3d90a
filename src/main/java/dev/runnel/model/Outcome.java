package dev.runnel.model;

import java.util.Locale;

/** How a job ended. PROTOCOL.md, "Answers", {@code end}. */
public enum Outcome {
  EXITED,
  SIGNALED,
  TIMED_OUT,
  CANCELED,
  START_FAILED,
  LOST,
  SHUTDOWN,
  ABANDONED;

  private final String wireName = name().toLowerCase(Locale.ROOT);

  public String wireName() {
    return wireName;
  }
}
