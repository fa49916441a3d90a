package dev.runnel.job;

import dev.runnel.process.NativeMemory;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The memory of all logs of a node together. Every log is granted {@link #FLOOR_BYTES} for as long
 * as its job lives, so that no log ever waits for another's reader; what it holds beyond them it
 * takes from what is left. Any thread.
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

  /** The size of the chunk that follows one of this size: quiet logs stay small. */
  static int sizeAfter(int chunkBytes) {
    return Math.clamp((long) chunkBytes * CHUNK_GROWTH, SMALLEST_CHUNK_BYTES, LARGEST_CHUNK_BYTES);
  }
}
