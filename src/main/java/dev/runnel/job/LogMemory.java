package dev.runnel.job;

import dev.runnel.process.NativeMemory;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
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

  private static final long LARGEST_REPLAY_BYTES = 64 * 1024;
  private static final int CHUNK_GROWTH = 4;
  private static final int POOLED_BYTES = 4 * 1024 * 1024;

  /** For replays alone, when all else is taken; beyond the limit, and little. */
  private static final int SPARE_BYTES = 64 * 1024;

  private final int maxJobs;
  private final long sharedLimitBytes;
  private final AtomicLong shared = new AtomicLong();
  private final AtomicLong spare = new AtomicLong();
  // Of the largest chunks only: a log that streams turns one over for every 256 KiB.
  private final ArrayDeque<MemorySegment> pool = new ArrayDeque<>();
  // Who wants what, in the order of their asking, and how much; guarded by itself.
  private final EnumMap<Want, LinkedHashMap<OutputLog, Integer>> starved =
      new EnumMap<>(Want.class);
  // So that nobody takes the lock while none is starved.
  private volatile int starvedCount;
  // From whom there may be something to be had; guarded by the set of those that have ended.
  private final LinkedHashSet<OutputLog> ended = new LinkedHashSet<>();
  private final LinkedHashSet<OutputLog> spenders = new LinkedHashSet<>();

  /** What a log may wait for. */
  enum Want {
    /** Its writer for a chunk. */
    ROOM(SMALLEST_CHUNK_BYTES),
    /** A watcher for what was read back for it. */
    BLOCK(SMALLEST_CHUNK_BYTES),
    /** A watcher until there is no less than there should be. */
    LEASE(0);

    private final int leastBytes;

    Want(int leastBytes) {
      this.leastBytes = leastBytes;
    }
  }

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

  /** How much may be read back at once: some must be able to do so at the same time. */
  int replayBytes() {
    return (int)
        Math.clamp(sharedLimitBytes / 4, (long) SMALLEST_CHUNK_BYTES, LARGEST_REPLAY_BYTES);
  }

  /** Takes so much of what is there for replays alone, or takes nothing and says false. */
  boolean trySpare(int bytes) {
    if (spare.addAndGet(bytes) <= SPARE_BYTES) {
      return true;
    }
    spare.addAndGet(-bytes);
    return false;
  }

  void giveSpareBack(int bytes) {
    spare.addAndGet(-bytes);
  }

  /** Takes it even beyond the limit. */
  void charge(long bytes) {
    shared.addAndGet(bytes);
  }

  void discharge(long bytes) {
    shared.addAndGet(-bytes);
  }

  /**
   * The log found too little; from now on it is told when that changes, once. What was given back
   * before may have been told to nobody: it has to look once more after this.
   */
  void await(OutputLog log, Want what, int wantedBytes) {
    synchronized (starved) {
      group(what).put(log, wantedBytes);
      starvedCount = countStarved();
    }
  }

  void awaitNoMore(OutputLog log, Want what) {
    if (starvedCount > 0) {
      synchronized (starved) {
        group(what).remove(log);
        starvedCount = countStarved();
      }
    }
  }

  // Under its lock.
  private SequencedMap<OutputLog, Integer> group(Want what) {
    return starved.computeIfAbsent(what, _ -> new LinkedHashMap<>());
  }

  private int countStarved() {
    int count = 0;
    for (LinkedHashMap<OutputLog, Integer> group : starved.values()) {
      count += group.size();
    }
    return count;
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
    boolean more = starvedCount > 0;
    while (more) {
      more = false;
      for (Told told : takeSatisfiable()) {
        // Where no watcher waits any longer the next has the turn; a writer takes itself out.
        more |= !told.log.retry() && told.what != Want.ROOM;
      }
    }
  }

  private record Told(OutputLog log, Want what) {}

  private List<Told> takeSatisfiable() {
    List<Told> told = new ArrayList<>();
    synchronized (starved) {
      long free = sharedLimitBytes - shared.get();
      for (Want what : Want.values()) {
        SequencedMap<OutputLog, Integer> waiting = group(what);
        long least = what.leastBytes;
        long left =
            switch (what) {
              case ROOM -> free;
              case BLOCK -> Math.max(free, SPARE_BYTES - spare.get());
              case LEASE -> sharedLimitBytes - shared.get();
            };
        while (left >= least && !waiting.isEmpty()) {
          Map.Entry<OutputLog, Integer> first = waiting.pollFirstEntry();
          told.add(new Told(first.getKey(), what));
          left -= first.getValue();
        }
        free = what == Want.ROOM ? left : free;
      }
      starvedCount = countStarved();
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
