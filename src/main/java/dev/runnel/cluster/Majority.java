package dev.runnel.cluster;

import java.time.Duration;

/**
 * Whether those that are there are more than half of those that were there last, when all was
 * quiet. A part that is cut off sees the others go one after the other, each time most of what was
 * left; so what they are held against changes only when nothing has changed for a while. Guarded by
 * itself.
 */
final class Majority {
  /** Longer than it takes until all are lost that a cut takes away. */
  private static final Duration QUIET = Duration.ofSeconds(20);

  private int agreed;
  private long changed = System.nanoTime();

  /** So many are there now, after so many left in order. */
  synchronized void changed(int count, int left) {
    changed = System.nanoTime();
    agreed = Math.max(count, agreed - left);
  }

  /** Nothing changes for now. */
  synchronized void settle(int count) {
    boolean quiet = System.nanoTime() - changed > QUIET.toNanos();
    if (quiet && 2 * count > agreed) {
      agreed = count;
    }
  }

  /**
   * Whether so many are enough.
   *
   * @param withOldest whether the oldest of them is this one, which decides between two halves
   */
  synchronized boolean isOf(int count, boolean withOldest) {
    return 2 * count > agreed || (2 * count == agreed && withOldest);
  }
}
