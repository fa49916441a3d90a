package dev.runnel.job;

import org.jspecify.annotations.Nullable;

/**
 * The chunks of a log in their order, and what their memory is charged to. All of it is guarded by
 * the log's lock.
 */
final class Chunks {
  private final LogMemory memory;
  private @Nullable Chunk first;
  private @Nullable Chunk last;
  private long heldBytes;
  private long floorBytes = LogMemory.FLOOR_BYTES;

  Chunks(LogMemory memory) {
    this.memory = memory;
  }

  @Nullable Chunk first() {
    return first;
  }

  @Nullable Chunk last() {
    return last;
  }

  /** What the log answers for: its own chunks, and those only the runner still has. */
  long heldBytes() {
    return heldBytes;
  }

  boolean isBeyondFloor() {
    return heldBytes > floorBytes;
  }

  /** The chunk with that byte, which must be there; the reader remembers it. */
  Chunk at(LogReader by, long offset) {
    Chunk chunk = by.chunk();
    if (chunk == null || !chunk.isInLog() || chunk.start() > offset) {
      chunk = first;
    }
    while (chunk != null && offset >= chunk.end()) {
      chunk = chunk.next();
    }
    if (chunk == null) {
      throw new IllegalStateException("offset: " + offset);
    }
    by.readFrom(chunk);
    return chunk;
  }

  /**
   * Takes so much, or less, from the floor or from what the node can spare; null: there is none.
   */
  @Nullable Chunk append(int wantedBytes, long start) {
    for (int bytes = wantedBytes;
        bytes >= LogMemory.SMALLEST_CHUNK_BYTES;
        bytes = LogMemory.sizeBelow(bytes)) {
      long more = beyondFloor(heldBytes + bytes) - beyondFloor(heldBytes);
      if (more == 0 || memory.tryCharge(more)) {
        heldBytes += bytes;
        return add(new Chunk(memory.allocate(bytes), start));
      }
    }
    return null;
  }

  /** Takes it whatever the limit. */
  Chunk force(int bytes, long start) {
    charge(bytes);
    return add(new Chunk(memory.allocate(bytes), start));
  }

  private Chunk add(Chunk fresh) {
    if (last == null) {
      first = fresh;
    } else {
      last.follow(fresh);
    }
    last = fresh;
    return fresh;
  }

  /** The oldest is the log's no more. */
  void dropFirst() {
    Chunk chunk = first;
    if (chunk != null) {
      first = chunk.next();
      last = first == null ? null : last;
      leave(chunk);
    }
  }

  /** Drops those that end there or before, but never the last one, which is written to. */
  void dropTo(long offset) {
    while (first != null && first != last && first.end() <= offset) {
      dropFirst();
    }
  }

  /** One that was loaded is not held any more. */
  void letGo(Chunk loaded) {
    loaded.letGo();
    settle(loaded);
  }

  /** A lease of the chunk was closed. */
  void giveBack(Chunk chunk, LentSlice lease) {
    chunk.giveBack(lease);
    if (!chunk.isInLog()) {
      settle(chunk);
    }
  }

  /** From now on all of it is charged: the floor is another log's by now. */
  void loseFloor() {
    memory.charge(heldBytes - beyondFloor(heldBytes));
    floorBytes = 0;
  }

  // Most jobs write less than the smallest chunk, and there may be thousands that have ended.
  /** Leaves the last chunk no more memory than it needs, if nobody reads it now. */
  void shrinkLast() {
    Chunk tail = last;
    if (tail == null || tail.isLent() || tail.used() > tail.capacity() / 2) {
      return;
    }
    Chunk small = null;
    if (tail.used() > 0) {
      charge(tail.used());
      small = tail.copyTo(memory.allocate(tail.used()));
    }
    replaceLast(tail, small);
    leave(tail);
  }

  private void replaceLast(Chunk tail, @Nullable Chunk replacement) {
    Chunk before = null;
    for (Chunk chunk = first; chunk != null && chunk != tail; chunk = chunk.next()) {
      before = chunk;
    }
    if (before == null) {
      first = replacement;
    } else {
      before.follow(replacement);
    }
    last = replacement == null ? before : replacement;
  }

  private void leave(Chunk chunk) {
    chunk.leaveLog();
    settle(chunk);
  }

  // It is in the log no more, and may be lent.
  private void settle(Chunk chunk) {
    if (!chunk.isLent()) {
      switch (chunk.account()) {
        case WATCHERS -> memory.discharge(chunk.capacity());
        case SPARE -> memory.giveSpareBack(chunk.capacity());
        case LOG, RUNNER -> discharge(chunk.capacity());
      }
      memory.free(chunk.memory());
    } else if (chunk.isNowWatchers()) {
      // Theirs alone: else those who don't read would take the floor from the one who writes.
      discharge(chunk.capacity());
      memory.charge(chunk.capacity());
    }
  }

  private void charge(int bytes) {
    memory.charge(beyondFloor(heldBytes + bytes) - beyondFloor(heldBytes));
    heldBytes += bytes;
  }

  private void discharge(int bytes) {
    long before = heldBytes;
    heldBytes -= bytes;
    memory.discharge(beyondFloor(before) - beyondFloor(heldBytes));
  }

  private long beyondFloor(long held) {
    return Math.max(0, held - floorBytes);
  }
}
