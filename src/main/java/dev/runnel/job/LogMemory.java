package dev.runnel.job;

import dev.runnel.process.NativeMemory;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The memory of all logs of a node together. Every log is granted {@link #FLOOR_BYTES} for as long
 * as its job lives, so that no log ever waits for another's reader; what it holds beyond them it
 * takes from what is left. What is there only for replay goes when somebody needs it to go on:
 * first of the logs that have ended, the oldest end first, then of the others. Any thread.
 */
public final class LogMemory {
  /** What a log may always hold. */
  static final int FLOOR_BYTES = 64 * 1024;

  static final int SMALLEST_CHUNK_BYTES = 4 * 1024;
  static final int LARGEST_CHUNK_BYTES = 256 * 1024;

  private static final int CHUNK_GROWTH = 4;
  private static final int POOLED_BYTES = 4 * 1024 * 1024;

  private final int maxJobs;
  private final long sharedLimitBytes;
  private final AtomicLong shared = new AtomicLong();
  // Of the largest chunks only: a log that streams turns one over for every 256 KiB.
  private final ArrayDeque<MemorySegment> pool = new ArrayDeque<>();
  // What they want, in the order of their asking; guarded by itself.
  private final LinkedHashMap<OutputLog, Integer> starved = new LinkedHashMap<>();
  // So that nobody takes the lock while none is starved.
  private volatile int starvedCount;
  // From whom there may be something to be had; guarded by the set of those that have ended.
  private final LinkedHashSet<OutputLog> ended = new LinkedHashSet<>();
  private final LinkedHashSet<OutputLog> spenders = new LinkedHashSet<>();

  /**
   * Half of the memory may go to floors, which bounds the number of jobs.
   *
   * @param maxJobs how many logs there may be, if the memory is enough for them
   */
  public LogMemory(long limitBytes, int maxJobs) {
    this.maxJobs = (int) Math.max(1, Math.min(maxJobs, limitBytes / 2 / FLOOR_BYTES));
    this.sharedLimitBytes = Math.max(0, limitBytes - (long) this.maxJobs * FLOOR_BYTES);
  }

  /** How many logs have their floor. */
  public int maxJobs() {
    return maxJobs;
  }

  /** What logs hold beyond their floors, all together. */
  public long sharedBytes() {
    return shared.get();
  }

  public long sharedLimitBytes() {
    return sharedLimitBytes;
  }

  /** Takes so much of what is shared, or takes nothing and says false. */
  boolean tryCharge(long bytes) {
    long before = shared.get();
    while (before + bytes <= sharedLimitBytes) {
      long seen = shared.compareAndExchange(before, before + bytes);
      if (seen == before) {
        return true;
      }
      before = seen;
    }
    return false;
  }

  /** Takes it even beyond the limit. */
  void charge(long bytes) {
    shared.addAndGet(bytes);
  }

  void discharge(long bytes) {
    shared.addAndGet(-bytes);
  }

  /** The log found too little; from now on it is told when that changes, once. */
  void await(OutputLog log, int wantedBytes) {
    synchronized (starved) {
      starved.put(log, wantedBytes);
      starvedCount = starved.size();
    }
  }

  void awaitNoMore(OutputLog log) {
    if (starvedCount > 0) {
      synchronized (starved) {
        starved.remove(log);
        starvedCount = starved.size();
      }
    }
  }

  boolean isStarved() {
    return starvedCount > 0;
  }

  /** Whether there is less than there should be: then nothing is lent that nobody waits for. */
  boolean isOverdrawn() {
    return shared.get() > sharedLimitBytes;
  }

  /** The log has ended, and is there for replay only. To be called under no log's lock. */
  void keep(OutputLog log) {
    synchronized (ended) {
      spenders.remove(log);
      ended.add(log);
    }
    reclaim(isStarved() ? LARGEST_CHUNK_BYTES : 0);
  }

  void forget(OutputLog log) {
    synchronized (ended) {
      ended.remove(log);
    }
  }

  /** The log holds more than its floor. */
  void spends(OutputLog log) {
    synchronized (ended) {
      spenders.add(log);
    }
  }

  /** Frees so much, if that can be done without a loss to anybody who is waited for. */
  void reclaim(int bytes) {
    while (missing(bytes) > 0 && askNext(bytes)) {
      // The next one.
    }
  }

  // Taken out first: what one comes to hold while it is asked, it says anew.
  private boolean askNext(int bytes) {
    LinkedHashSet<OutputLog> group = ended;
    OutputLog log;
    synchronized (ended) {
      if (group.isEmpty()) {
        group = spenders;
      }
      log = group.isEmpty() ? null : group.removeFirst();
    }
    if (log != null && log.shed(missing(bytes))) {
      synchronized (ended) {
        group.addFirst(log);
      }
    }
    return log != null;
  }

  private long missing(int bytes) {
    return shared.get() + bytes - sharedLimitBytes;
  }

  /** Tells as many as what is free may be enough for. To be called under no log's lock. */
  void tellStarved() {
    if (starvedCount > 0) {
      takeSatisfiable().forEach(OutputLog::retry);
    }
  }

  private List<OutputLog> takeSatisfiable() {
    List<OutputLog> told = new ArrayList<>();
    synchronized (starved) {
      long free = sharedLimitBytes - shared.get();
      while (free >= SMALLEST_CHUNK_BYTES && !starved.isEmpty()) {
        Map.Entry<OutputLog, Integer> first = starved.pollFirstEntry();
        told.add(first.getKey());
        free -= first.getValue();
      }
      starvedCount = starved.size();
    }
    return told;
  }

  MemorySegment allocate(int bytes) {
    if (bytes == LARGEST_CHUNK_BYTES) {
      synchronized (pool) {
        MemorySegment pooled = pool.pollLast();
        if (pooled != null) {
          return pooled;
        }
      }
    }
    return NativeMemory.allocate(bytes);
  }

  void free(MemorySegment memory) {
    if (memory.byteSize() == LARGEST_CHUNK_BYTES) {
      synchronized (pool) {
        if (pool.size() < POOLED_BYTES / LARGEST_CHUNK_BYTES) {
          pool.addLast(memory);
          return;
        }
      }
    }
    NativeMemory.free(memory);
  }

  /** The size to try when one is not to be had. */
  static int sizeBelow(int chunkBytes) {
    return chunkBytes / CHUNK_GROWTH;
  }

  /** So that a log that retains little does not hold a multiple of it. */
  static int largestChunkFor(long retainBytes) {
    int bytes = LARGEST_CHUNK_BYTES;
    while (bytes > SMALLEST_CHUNK_BYTES && bytes > retainBytes / CHUNK_GROWTH) {
      bytes = sizeBelow(bytes);
    }
    return bytes;
  }

  /** The size of the chunk that follows one of this size: quiet logs stay small. */
  static int sizeAfter(int chunkBytes) {
    return Math.clamp((long) chunkBytes * CHUNK_GROWTH, SMALLEST_CHUNK_BYTES, LARGEST_CHUNK_BYTES);
  }
}
