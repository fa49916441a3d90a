package dev.runnel.client;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/** The time without a connection that anything came over. On its job's context. */
final class Outage {
  private static final long FIRST_PAUSE_MILLIS = 50;
  private static final long MAX_PAUSE_MILLIS = 5_000;

  private final long start = System.nanoTime();
  private final Duration patience;
  private String why;
  private long pauseMillis;

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

  private long leftMillis() {
    return patience.toMillis() - (System.nanoTime() - start) / 1_000_000;
  }

  /**
   * How long to wait before the next attempt: not at all, then longer and longer, and never the
   * same as others: the clients of a node that was out of reach should not all come at once.
   */
  long nextPauseMillis() {
    long most = Math.min(pauseMillis, Math.max(0, leftMillis()));
    pauseMillis = Math.min(MAX_PAUSE_MILLIS, Math.max(FIRST_PAUSE_MILLIS, 2 * pauseMillis));
    return most / 2 + ThreadLocalRandom.current().nextLong(most / 2 + 1);
  }
}
