package dev.runnel.client;

import java.util.concurrent.ThreadLocalRandom;

/**
 * How long to wait before each attempt to come back to a job: not at all, then longer and longer,
 * until a connection was worth it. On the job's context.
 */
final class Backoff {
  private static final long FIRST_MILLIS = 50;
  private static final long MAX_MILLIS = 5_000;
  private static final long MOMENT_MILLIS = 1_000;

  private long nextMillis;
  private long offset;
  private long since = System.nanoTime();

  /** The job is followed again. */
  void connected() {
    since = System.nanoTime();
  }

  /**
   * The connection is lost, after it came to that offset of the log. One that was soon lost and
   * brought nothing is no reason to hurry again: a node that always hangs up would be asked without
   * a pause, and for ever.
   *
   * @return whether it was worth to have patience for as long again
   */
  boolean lost(long reached) {
    long lasted = (System.nanoTime() - since) / 1_000_000;
    boolean further = reached > offset;
    if (further || lasted > MAX_MILLIS) {
      nextMillis = 0;
    }
    offset = Math.max(offset, reached);
    return further || lasted > MOMENT_MILLIS;
  }

  /** Never the same as others: the clients of a node that was gone should not all come at once. */
  long nextMillis(long leftMillis) {
    long most = Math.min(nextMillis, Math.max(0, leftMillis));
    nextMillis = Math.min(MAX_MILLIS, Math.max(FIRST_MILLIS, 2 * nextMillis));
    return most / 2 + ThreadLocalRandom.current().nextLong(most / 2 + 1);
  }
}
