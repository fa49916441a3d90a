package dev.runnel.server.seed;

import dev.runnel.job.RejectedException;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.Stream;
import io.vertx.core.buffer.Buffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * A command's output while it is collected, each stream by itself, and then the frame in which it
 * goes out. In native memory: the heap is not made for that. On its connection's event loop.
 * PROTOCOL.md, "The seed listener".
 */
final class SeedAnswer implements AutoCloseable {
  static final long MAX_BODY_BYTES = 64L << 20;

  // Most answers are short; the others are to be sent in pieces of a size that is good to send.
  private static final int FIRST_PIECE_BYTES = 4 * 1024;
  private static final int PIECE_BYTES = 64 * 1024;

  private final SeedMemory memory;
  private final Arena arena = Arena.ofConfined();
  private final Collected stdout = new Collected();
  private final Collected stderr = new Collected();
  private @Nullable ArrayDeque<MemorySegment> unsent;
  private long bodyBytes;
  private long chargedBytes;

  SeedAnswer(SeedMemory memory) {
    this.memory = memory;
  }

  /**
   * Copies what follows of a stream.
   *
   * @throws RejectedException if that is more than an answer, or all of them, may hold
   */
  void add(Stream stream, MemorySegment bytes) throws RejectedException {
    bodyBytes += bytes.byteSize();
    if (bodyBytes > MAX_BODY_BYTES) {
      throw new RejectedException(
          ErrorCode.BODY_TOO_LARGE, "output: more than " + MAX_BODY_BYTES + " bytes");
    }
    switch (stream) {
      case STDOUT -> stdout.add(bytes);
      case STDERR -> stderr.add(bytes);
    }
  }

  /** The next bytes of the frame; null: those were all. There is no more output by now. */
  @Nullable Buffer next() {
    Buffer bytes = Buffer.buffer();
    if (unsent == null) {
      appendHeader(bytes);
      unsent = new ArrayDeque<>();
      stdout.drainTo(unsent);
      stderr.drainTo(unsent);
    }
    for (MemorySegment piece = unsent.poll(); piece != null; piece = unsent.poll()) {
      bytes.appendBytes(piece.toArray(ValueLayout.JAVA_BYTE));
      MemorySegment after = unsent.peek();
      if (after != null && bytes.length() + after.byteSize() > PIECE_BYTES) {
        break;
      }
    }
    return bytes.length() == 0 ? null : bytes;
  }

  /** Gives the memory back. Idempotent. */
  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
      memory.discharge(chargedBytes);
    }
  }

  // The spaces are the original's: its clients may compare.
  private void appendHeader(Buffer frame) {
    String header = "{\"filename\": \"a.txt\", \"total_size\": " + bodyBytes + "}";
    byte[] text = header.getBytes(StandardCharsets.US_ASCII);
    frame.appendIntLE(text.length).appendBytes(text);
  }

  private MemorySegment allocate(int bytes) throws RejectedException {
    if (!memory.tryCharge(bytes)) {
      throw new RejectedException(
          ErrorCode.BUSY, "output of all seed connections: limit: " + memory.limitBytes());
    }
    chargedBytes += bytes;
    return arena.allocate(bytes);
  }

  /** The bytes of one stream. */
  private final class Collected {
    private final ArrayDeque<MemorySegment> pieces = new ArrayDeque<>();
    // Of the last piece.
    private long used;

    void add(MemorySegment bytes) throws RejectedException {
      long copied = 0;
      while (copied < bytes.byteSize()) {
        MemorySegment last = lastWithRoom();
        long count = Math.min(last.byteSize() - used, bytes.byteSize() - copied);
        MemorySegment.copy(bytes, copied, last, used, count);
        used += count;
        copied += count;
      }
    }

    void drainTo(ArrayDeque<MemorySegment> all) {
      MemorySegment last = pieces.pollLast();
      all.addAll(pieces);
      if (last != null) {
        all.add(last.asSlice(0, used));
      }
      pieces.clear();
    }

    private MemorySegment lastWithRoom() throws RejectedException {
      MemorySegment last = pieces.peekLast();
      if (last != null && used < last.byteSize()) {
        return last;
      }
      MemorySegment fresh = allocate(last == null ? FIRST_PIECE_BYTES : PIECE_BYTES);
      pieces.addLast(fresh);
      used = 0;
      return fresh;
    }
  }
}
