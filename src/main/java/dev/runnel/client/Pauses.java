package dev.runnel.client;

import java.util.concurrent.ThreadLocalRandom;

/**
 * How long to wait before each attempt to come back to a job: not at all, then longer and longer,
 * until a connection was worth it. On the job's context.
 */
final class Pauses {
  private static final long FIRST_MILLIS = 50;
  private static final long MAX_MILLIS = 5_000;

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
   * a pause.
   */
  void lost(long reached) {
    boolean lasted = System.nanoTime() - since > MAX_MILLIS * 1_000_000;
    if (lasted || reached > offset) {
      nextMillis = 0;
    }
    offset = reached;
  }

  /** Never the same as others: the clients of a node that was gone should not all come at once. */
  long nextMillis(long leftMillis) {
    long most = Math.min(nextMillis, Math.max(0, leftMillis));
    nextMillis = Math.min(MAX_MILLIS, Math.max(FIRST_MILLIS, 2 * nextMillis));
    return most / 2 + ThreadLocalRandom.current().nextLong(most / 2 + 1);
  }
}
