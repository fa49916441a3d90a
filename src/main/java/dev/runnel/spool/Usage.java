package dev.runnel.spool;

import java.util.concurrent.atomic.AtomicLong;

/** What all spool files of a node take up, and may. Any thread. */
final class Usage {
  private final long maxBytes;
  private final AtomicLong used = new AtomicLong();

  Usage(long maxBytes) {
    this.maxBytes = maxBytes;
  }

  long maxBytes() {
    return maxBytes;
  }

  long used() {
    return used.get();
  }

  /** How much more there may be; not below 0. */
  long left() {
    return Math.max(0, maxBytes - used.get());
  }

  void add(long bytes) {
    used.addAndGet(bytes);
  }

  /** Takes so much, unless that is more than there may be. */
  boolean tryAdd(long bytes) {
    long before = used.get();
    while (before + bytes <= maxBytes) {
      long seen = used.compareAndExchange(before, before + bytes);
      if (seen == before) {
        return true;
      }
      before = seen;
    }
    return false;
  }
}
