package dev.runnel.security.audit;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.function.LongSupplier;

/**
 * Of what anybody can cause as often as they like: so many a minute of each source, and of all, so
 * that one flood hides neither the rest nor others' attempts. Any thread.
 */
final class AuditRateLimiter {
  static final int PER_SOURCE = 10;
  static final int IN_ALL = 100;

  private static final long MINUTE_NANOS = Duration.ofMinutes(1).toNanos();

  private final LongSupplier nanoTime;

  // All guarded by this. Sources beyond the bound of all are not kept.
  private final Map<String, Integer> taken = new HashMap<>();
  private int all;
  private long leftOut;
  private long since;

  AuditRateLimiter(LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
    this.since = nanoTime.getAsLong();
  }

  /** Whether there is room for one more; it is counted either way. */
  synchronized boolean take(String source) {
    long now = nanoTime.getAsLong();
    // Not before it was told how many there were: then there is nothing to tell.
    if (leftOut == 0 && now - since > MINUTE_NANOS) {
      begin(now);
    }
    int ofSource = taken.getOrDefault(source, 0);
    if (all >= IN_ALL || ofSource >= PER_SOURCE) {
      leftOut++;
      return false;
    }
    all++;
    taken.put(source, ofSource + 1);
    return true;
  }

  /** How many were left out within the minute that is over; zero: none, or it is not over. */
  synchronized long settle() {
    long now = nanoTime.getAsLong();
    return now - since > MINUTE_NANOS ? begin(now) : 0;
  }

  /** How many were left out since that was told last. */
  synchronized long settleNow() {
    return begin(nanoTime.getAsLong());
  }

  private long begin(long now) {
    long count = leftOut;
    taken.clear();
    all = 0;
    leftOut = 0;
    since = now;
    return count;
  }
}
