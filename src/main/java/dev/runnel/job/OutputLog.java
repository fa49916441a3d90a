package dev.runnel.job;

import dev.runnel.model.End;
import dev.runnel.model.Stream;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * A job's output, addressed by offset: where its one writer, the pump, and its readers meet. It has
 * no queue and never blocks: the writer is told that there is no room and, later, that there is;
 * readers come for as much as they can take. Nothing is sent and nobody is called under its lock.
 * PROTOCOL.md, "The log, following, and flow".
 */
public final class OutputLog {
  private final LogMemory memory;
  private final long boundBytes;
  private final Runnable onRoom;
  private final Runnable onReleased;

  // All below are guarded by this.
  private final ArrayDeque<Chunk> chunks = new ArrayDeque<>();
  private long next;
  // What is below it, nobody may come back for.
  private long pinned;
  private long heldBytes;
  private int nextChunkBytes = LogMemory.SMALLEST_CHUNK_BYTES;
  private boolean writing;
  private boolean wantsRoom;
  private boolean unbounded;
  private boolean unwatched;
  private boolean released;
  private @Nullable LogReader reader;
  private @Nullable End end;

  /**
   * @param boundBytes how far the writer may be ahead of what is pinned
   * @param onRoom called by any thread when {@link #reserve} had no room and now would have
   * @param onReleased called by any thread, once, when the log has ended, nobody will read it any
   *     more and all its memory is given back
   */
  OutputLog(LogMemory memory, long boundBytes, Runnable onRoom, Runnable onReleased) {
    this.memory = memory;
    this.boundBytes = boundBytes;
    this.onRoom = onRoom;
    this.onReleased = onReleased;
  }

  /** The log's length: the offset of the next byte. */
  public synchronized long length() {
    return next;
  }

  /** How the job ended; null: it has not. There is no output after it. */
  public synchronized @Nullable End end() {
    return end;
  }

  /**
   * Opens the reader that pins what it has not acknowledged.
   *
   * @param onMore called by the writer's thread, once for each time that the reader found nothing
   */
  public synchronized LogReader openRunner(Runnable onMore) {
    LogReader opened = new LogReader(this, onMore);
    reader = opened;
    return opened;
  }

  // For the writer.

  /**
   * Room for at least a byte of the stream, to be given to {@link #commit}; or null until {@code
   * onRoom}.
   */
  synchronized @Nullable MemorySegment reserve(Stream stream) {
    long room = unbounded ? Long.MAX_VALUE : pinned + boundBytes - next;
    Chunk tail = room > 0 ? tailFor(stream) : null;
    if (tail == null) {
      wantsRoom = true;
      return null;
    }
    wantsRoom = false;
    writing = true;
    return tail.room((int) Math.min(tail.free(), room));
  }

  /** So many bytes now stand in what {@link #reserve} gave. */
  void commit(Stream stream, int bytes) {
    Runnable more;
    synchronized (this) {
      writing = false;
      Chunk tail = chunks.getLast();
      tail.append(stream, bytes);
      if (tail.free() == 0) {
        nextChunkBytes = LogMemory.sizeAfter(tail.capacity());
      }
      next += bytes;
      if (unwatched) {
        pinned = next;
        dropUnpinned();
      }
      more = unparked();
    }
    more.run();
    memory.tellStarved();
  }

  /** There is no more output. For the writer, which may have dropped what it reserved last. */
  void close(End how) {
    Runnable more;
    synchronized (this) {
      end = how;
      writing = false;
      wantsRoom = false;
      memory.awaitNoMore(this);
      more = unparked();
    }
    more.run();
    tellRoomOrRelease();
  }

  /** From now on there is always room: what comes is bounded by what the pipes still hold. */
  synchronized void liftBound() {
    unbounded = true;
  }

  /** Nobody will read any more: what still comes is counted and dropped. Idempotent. */
  void abandon() {
    synchronized (this) {
      reader = null;
      unwatched = true;
      pinned = next;
      dropUnpinned();
    }
    tellRoomOrRelease();
  }

  /** Frees what an idle log keeps only to write on in. For the writer, between its writes. */
  void trim() {
    synchronized (this) {
      writing = false;
      dropIdleTail();
    }
    memory.tellStarved();
  }

  // For readers.

  @Nullable Lease lease(LogReader by, long offset, int maxBytes) {
    boolean room;
    synchronized (this) {
      if (offset < next) {
        return leaseAt(offset, maxBytes);
      }
      by.park();
      room = takeRoomWanted();
    }
    if (room) {
      onRoom.run();
    }
    return null;
  }

  /** The end, for a reader that has read up to the offset; null: there is more, or will be. */
  synchronized @Nullable End endAt(long offset) {
    return offset == next ? end : null;
  }

  /** The reader needs nothing below the offset any more. */
  void unpin(long offset) {
    synchronized (this) {
      if (offset <= pinned) {
        return;
      }
      pinned = offset;
      dropUnpinned();
    }
    tellRoomOrRelease();
  }

  void release(Lease lease) {
    synchronized (this) {
      Chunk chunk = lease.takeChunk();
      if (chunk == null) {
        return;
      }
      drop(chunk);
      dropUnpinned();
    }
    tellRoomOrRelease();
  }

  // For the memory, which has some again.

  void retry() {
    boolean room;
    synchronized (this) {
      room = wantsRoom;
      wantsRoom = false;
    }
    if (room) {
      onRoom.run();
    }
  }

  private void tellRoomOrRelease() {
    boolean room;
    boolean gone;
    synchronized (this) {
      room = takeRoomWanted();
      gone = takeReleased();
    }
    if (room) {
      onRoom.run();
    }
    if (gone) {
      onReleased.run();
    }
    memory.tellStarved();
  }

  // Under the lock.

  private Lease leaseAt(long offset, int maxBytes) {
    for (Chunk chunk : chunks) {
      if (offset < chunk.end()) {
        return chunk.lease(this, offset, maxBytes);
      }
    }
    throw new IllegalStateException("offset: " + offset + " (log: " + next + ")");
  }

  private Runnable unparked() {
    LogReader parked = reader;
    return parked != null && parked.unpark() ? parked.onMore() : () -> {};
  }

  private @Nullable Chunk tailFor(Stream stream) {
    Chunk tail = chunks.peekLast();
    if (tail != null && tail.accepts(stream)) {
      return tail;
    }
    int bytes = affordable();
    if (bytes == 0) {
      // Before the second look: what is given back meanwhile is not missed.
      memory.await(this, nextChunkBytes);
      bytes = affordable();
    }
    if (bytes == 0) {
      return null;
    }
    memory.awaitNoMore(this);
    Chunk fresh = new Chunk(memory.allocate(bytes), next);
    chunks.addLast(fresh);
    return fresh;
  }

  // The size wanted, if the floor covers it or the node can spare it; else less; else none.
  private int affordable() {
    int wanted = nextChunkBytes;
    for (int bytes = wanted;
        bytes >= LogMemory.SMALLEST_CHUNK_BYTES;
        bytes = LogMemory.sizeBelow(bytes)) {
      if (charge(bytes)) {
        return bytes;
      }
    }
    if (!unbounded) {
      return 0;
    }
    memory.charge(beyondFloor(heldBytes + wanted) - beyondFloor(heldBytes));
    heldBytes += wanted;
    return wanted;
  }

  private boolean charge(int bytes) {
    long more = beyondFloor(heldBytes + bytes) - beyondFloor(heldBytes);
    if (more > 0 && !memory.tryCharge(more)) {
      return false;
    }
    heldBytes += bytes;
    return true;
  }

  private long beyondFloor(long held) {
    return Math.max(0, held - LogMemory.FLOOR_BYTES);
  }

  private void dropUnpinned() {
    while (!chunks.isEmpty() && chunks.getFirst().end() <= pinned) {
      Chunk first = chunks.getFirst();
      if (chunks.size() == 1 && (writing || first.rewind())) {
        return;
      }
      drop(chunks.removeFirst());
    }
  }

  private void dropIdleTail() {
    if (chunks.size() == 1 && chunks.getFirst().end() <= pinned && !writing) {
      drop(chunks.removeFirst());
      nextChunkBytes = LogMemory.SMALLEST_CHUNK_BYTES;
    }
  }

  private void drop(Chunk chunk) {
    if (!chunk.dropReference()) {
      return;
    }
    long before = heldBytes;
    heldBytes -= chunk.capacity();
    memory.discharge(beyondFloor(before) - beyondFloor(heldBytes));
    memory.free(chunk.memory());
  }

  // Not for every byte, as a writer that is woken for a few would cost more than it reads; but for
  // any if the reader has all there is: it may want more before it acknowledges any of that.
  private boolean takeRoomWanted() {
    long unconsumed = next - pinned;
    boolean awaited = reader != null && reader.isParked() && unconsumed < boundBytes;
    if (!wantsRoom || !(awaited || unconsumed <= boundBytes - boundBytes / 4)) {
      return false;
    }
    wantsRoom = false;
    return true;
  }

  private boolean takeReleased() {
    if (released || end == null || !unwatched) {
      return false;
    }
    dropIdleTail();
    released = heldBytes == 0;
    return released;
  }
}
