package dev.runnel.spool;

import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What all spool files of a node take up, and may, each file on its owner's account. The last part
 * of it is for owners that have less than that: so whoever fills the rest leaves some to others.
 * Any thread.
 */
final class DiskBudget {
  private static final int KEPT_PART = 8;

  private final long maxBytes;

  // Guarded by this.
  private final Map<String, Long> byOwner = new HashMap<>();
  private long used;

  DiskBudget(long maxBytes) {
    this.maxBytes = maxBytes;
  }

  long maxBytes() {
    return maxBytes;
  }

  synchronized long used() {
    return used;
  }

  /** How much more that owner may have; not below 0. */
  synchronized long left(String owner) {
    long kept = maxBytes / KEPT_PART;
    long left = maxBytes - used;
    long own = of(owner);
    // One that grows beyond its part of what is kept does so into the rest.
    return Math.max(
        0, own < kept ? Math.max(left - kept, Math.min(left, kept - own)) : left - kept);
  }

  private long of(String owner) {
    return byOwner.getOrDefault(owner, 0L);
  }

  /** Takes so much, whatever there may be; or gives it back, where it is below 0. */
  synchronized void add(String owner, long bytes) {
    used += bytes;
    byOwner.merge(owner, bytes, (before, more) -> before + more == 0 ? null : before + more);
  }

  /** Takes so much, unless that is more than there may be. */
  synchronized boolean tryAdd(String owner, long bytes) {
    if (bytes > left(owner)) {
      return false;
    }
    add(owner, bytes);
    return true;
  }

  /** Those that have more than that one, who has most first. */
  synchronized List<String> withMoreThan(String owner) {
    long own = of(owner);
    return byOwner.entrySet().stream()
        .filter(entry -> entry.getValue() > own && !entry.getKey().equals(owner))
        .sorted(Map.Entry.<String, Long>comparingByValue(Comparator.reverseOrder()))
        .map(Map.Entry::getKey)
        .toList();
  }
}
