package dev.runnel.model;

/** What a follower is to its job. PROTOCOL.md, "Flow". */
public enum Role {
  /**
   * It has the seat: it loses nothing, owns stdin, and its going is what {@code linger_ms} is
   * about.
   */
  RUNNER,
  /** One of any number: it holds nobody back, and is told what it missed. */
  WATCHER
}
