package dev.runnel.model;

import java.util.Locale;

/** Where a job stands; it only ever moves forward. PROTOCOL.md, "Answers". */
public enum JobState {
  STARTING,
  RUNNING,
  /** The process is gone; its pipes or its descendants are not. */
  DRAINING,
  ENDED,
  /** It ran in an earlier life of the server, and nobody saw its end. */
  LOST;

  private final String wireName = name().toLowerCase(Locale.ROOT);

  public String wireName() {
    return wireName;
  }

  /** Whether nothing more comes. */
  public boolean isOver() {
    return this == ENDED || this == LOST;
  }
}
