package dev.runnel.security.audit;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.function.LongSupplier;

/** What was seen within a minute, of the last few thousand. Any thread. */
final class RecentlySeen {
  static final int MAX_KNOWN = 4_096;

  private static final long MINUTE_NANOS = Duration.ofMinutes(1).toNanos();

  private final LongSupplier nanoTime;
  // When, in the order of time; guarded by this.
  private final LinkedHashMap<String, Long> seen = new LinkedHashMap<>();

  RecentlySeen(LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
  }

  /** Whether it was not; from now on it was. */
  synchronized boolean add(String what) {
    long now = nanoTime.getAsLong();
    Long last = seen.get(what);
    if (last != null && now - last <= MINUTE_NANOS) {
      return false;
    }
    seen.remove(what);
    seen.put(what, now);
    if (seen.size() > MAX_KNOWN) {
      seen.pollFirstEntry();
    }
    return true;
  }
}
