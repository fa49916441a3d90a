package dev.runnel.client;

import java.util.concurrent.ThreadLocalRandom;

/**
 * How long to wait before each attempt: not at all, then longer and longer, until one was worth it.
 * On one context.
 */
final class Backoff {
  private static final long FIRST_MILLIS = 50;
  private static final long MAX_MILLIS = 5_000;

  private long nextMillis;

  /** What came of the last attempt was worth it: the next one is made at once. */
  void reset() {
    nextMillis = 0;
  }

  /** Never the same as others: the clients of a node that was gone should not all come at once. */
  long nextMillis() {
    long most = nextMillis;
    nextMillis = Math.min(MAX_MILLIS, Math.max(FIRST_MILLIS, 2 * nextMillis));
    return most / 2 + ThreadLocalRandom.current().nextLong(most / 2 + 1);
  }
}
