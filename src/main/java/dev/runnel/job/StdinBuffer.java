package dev.runnel.job;

import dev.runnel.process.NativeMemory;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * What the runner sent for a command's stdin and the pipe has not taken yet: a ring between the
 * connection's event loop, which offers, and the pump, which takes. Never blocks. PROTOCOL.md,
 * "stdin".
 */
final class StdinBuffer {
  private final int windowBytes;

  // All below are guarded by this. The memory is there only while it is needed.
  private @Nullable MemorySegment ring;
  private long received;
  private long taken;
  private long eofAt = -1;
  // Whose bytes count.
  private @Nullable Object owner;
  private boolean resuming;
  private boolean closed;

  /** What became of an offer. */
  enum Offer {
    TAKEN,
    /** Nothing of it was new. */
    DUPLICATE,
    /** It is not the runner, or its bytes would leave a hole and it may not know where to go on. */
    DROPPED,
    /** The process reads no more; dropped. */
    CLOSED,
    HOLE,
    OVERRUN,
    BEYOND_EOF
  }

  StdinBuffer(int windowBytes) {
    this.windowBytes = windowBytes;
  }

  /**
   * From now on only this one's bytes count, and they go on where the pipe is: what another sent
   * and the pipe has not taken is forgotten. On the pump, which may be about to write it.
   */
  synchronized void changeOwner(Object next) {
    resuming = owner != null;
    owner = next;
    if (!closed && taken < received) {
      received = taken;
      free();
    }
    if (eofAt > taken) {
      eofAt = -1;
    }
  }

  /** Takes bytes whose first has this offset; keeps nothing of what it refuses. */
  synchronized Offer offer(Object by, long offset, byte[] bytes, boolean eof) {
    long end = offset + bytes.length;
    if (closed) {
      return Offer.CLOSED;
    }
    if (by != owner) {
      return Offer.DROPPED;
    }
    if (offset > received) {
      return resuming ? Offer.DROPPED : Offer.HOLE;
    }
    if (end > taken + windowBytes) {
      return Offer.OVERRUN;
    }
    if ((eofAt >= 0 && end > eofAt) || (eof && end < received)) {
      return Offer.BEYOND_EOF;
    }
    resuming = false;
    boolean duplicate = end <= received && !(eof && eofAt < 0);
    if (end > received) {
      append(bytes, (int) (received - offset));
    }
    if (eof) {
      eofAt = end;
    }
    return duplicate ? Offer.DUPLICATE : Offer.TAKEN;
  }

  /** The next bytes to write, or null: none now. They stay until {@link #take}. */
  synchronized @Nullable MemorySegment pending() {
    MemorySegment memory = ring;
    if (memory == null || closed || taken == received) {
      return null;
    }
    int from = (int) (taken % windowBytes);
    return memory.asSlice(from, Math.min(received - taken, windowBytes - from));
  }

  synchronized void take(int bytes) {
    taken += bytes;
    if (taken == received) {
      free();
    }
  }

  /** Bytes given to the pipe. */
  synchronized long taken() {
    return taken;
  }

  synchronized boolean isAtEof() {
    return taken == eofAt;
  }

  /**
   * Drops what is there and whatever is still offered. On the pump, which alone frees: it writes
   * from the memory between pending and take.
   */
  synchronized void close() {
    closed = true;
    free();
  }

  private void append(byte[] bytes, int skip) {
    MemorySegment memory = ring;
    if (memory == null) {
      memory = NativeMemory.allocate(windowBytes);
      ring = memory;
    }
    for (int from = skip; from < bytes.length; ) {
      int at = (int) (received % windowBytes);
      int length = Math.min(bytes.length - from, windowBytes - at);
      MemorySegment.copy(MemorySegment.ofArray(bytes), from, memory, at, length);
      received += length;
      from += length;
    }
  }

  private void free() {
    MemorySegment memory = ring;
    if (memory != null) {
      ring = null;
      NativeMemory.free(memory);
    }
  }
}
