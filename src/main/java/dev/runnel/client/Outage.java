package dev.runnel.client;

import java.time.Duration;

/** The time without a connection that anything came over. On its job's context. */
final class Outage {
  private final long start = System.nanoTime();
  private final Duration patience;
  private String why;

  Outage(Duration patience, String why) {
    this.patience = patience;
    this.why = why;
  }

  /** What went wrong last. */
  void note(String other) {
    why = other;
  }

  String why() {
    return why;
  }

  boolean isTooLong() {
    return leftMillis() <= 0;
  }

  /** How long it may last yet. */
  long leftMillis() {
    return patience.toMillis() - (System.nanoTime() - start) / 1_000_000;
  }
}
