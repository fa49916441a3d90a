package dev.runnel.client;

import java.time.Duration;

/** The time without a connection that anything came over. On its job's context. */
final class Outage {
  private final long start;
  private final Duration patience;
  private String why;
  private boolean over;

  Outage(Duration patience, String why) {
    this(patience, why, System.nanoTime());
  }

  private Outage(Duration patience, String why, long start) {
    this.patience = patience;
    this.why = why;
    this.start = start;
  }

  /** The next one, after a connection that was not worth any more patience. */
  Outage goOn(String other) {
    return new Outage(patience, other, start);
  }

  /** The job is followed again. */
  void end() {
    over = true;
  }

  boolean isOver() {
    return over;
  }

  /** What went wrong last. */
  void note(String other) {
    why = other;
  }

  String why() {
    return why;
  }

  boolean isTooLong() {
    return System.nanoTime() - start >= patience.toNanos();
  }
}
