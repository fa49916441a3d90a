package dev.runnel.model;

import java.util.Locale;

/** Where a job stands; it only ever moves forward. PROTOCOL.md, "Answers". */
public enum JobState {
  STARTING,
  RUNNING,
  /** The process is gone; its pipes or its descendants are not. */
  DRAINING,
  ENDED;

  private final String wireName = name().toLowerCase(Locale.ROOT);

  public String wireName() {
    return wireName;
  }
}
