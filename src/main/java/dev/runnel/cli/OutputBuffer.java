package dev.runnel.cli;

import dev.runnel.model.Stream;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Output on its way from the connection to our stdout and stderr: one thread puts, one takes. It
 * lets the connection be read on while our own output is blocked. Never larger than it was told;
 * memory is taken as it is needed.
 */
final class OutputBuffer {
  static final int LITTLE_BYTES = 256 * 1024;

  private static final int FIRST_BYTES = 128 * 1024;
  private static final int MAX_PIECE_BYTES = 128 * 1024;

  private final int maxBytes;
  private final Deque<Span> spans = new ArrayDeque<>();

  /** What is there stands from head to tail, counted from the first byte ever put, in a ring. */
  private ByteBuffer ring = ByteBuffer.allocate(0);

  private long head;
  private long tail;

  /** So many bytes from head on are being written; they are not ours until released. */
  private int lent;

  private boolean finished;
  private @Nullable Failure failure;

  /** Bytes of one stream, by their offsets in the job's log. Guarded by the backlog. */
  private static final class Span {
    private final Stream stream;
    private long from;
    private long to;

    Span(Stream stream, long from, long to) {
      this.stream = stream;
      this.from = from;
      this.to = to;
    }
  }

  /**
   * What is to be written next.
   *
   * @param end the offset after it
   */
  record Piece(Stream stream, ByteBuffer bytes, long end) {}

  OutputBuffer(int maxBytes) {
    this.maxBytes = maxBytes;
  }

  /** Copies the bytes, which stand at that offset; blocks while there is no room for them. */
  synchronized void put(Stream stream, long offset, ByteBuffer bytes) throws Failure {
    long from = offset;
    while (bytes.hasRemaining()) {
      int length = awaitRoom(bytes.remaining());
      append(stream, from, length);
      copy(bytes, length);
      from += length;
      notifyAll();
    }
  }

  private int awaitRoom(int wanted) throws Failure {
    await(() -> failure != null || tail - head < maxBytes);
    check();
    int used = (int) (tail - head);
    int length = Math.min(wanted, maxBytes - used);
    if (used + length > ring.capacity()) {
      grow(used + length);
    }
    return length;
  }

  private void grow(int needed) {
    int bytes = Math.max(needed, Math.max(FIRST_BYTES, 2 * ring.capacity()));
    ByteBuffer larger = ByteBuffer.allocateDirect(Math.min(bytes, maxBytes));
    for (long at = head; at < tail; ) {
      int length = (int) Math.min(tail - at, contiguous(ring, at));
      length = Math.min(length, contiguous(larger, at));
      larger.put(index(larger, at), ring, index(ring, at), length);
      at += length;
    }
    ring = larger;
  }

  private void append(Stream stream, long from, int length) {
    Span last = spans.peekLast();
    if (last != null && last.stream == stream && last.to == from) {
      last.to += length;
    } else {
      spans.addLast(new Span(stream, from, from + length));
    }
  }

  private void copy(ByteBuffer bytes, int length) {
    int left = length;
    while (left > 0) {
      int part = Math.min(left, contiguous(ring, tail));
      ring.put(index(ring, tail), bytes, bytes.position(), part);
      bytes.position(bytes.position() + part);
      tail += part;
      left -= part;
    }
  }

  private static int index(ByteBuffer buffer, long at) {
    return (int) (at % buffer.capacity());
  }

  private static int contiguous(ByteBuffer buffer, long at) {
    return buffer.capacity() - index(buffer, at);
  }

  /** Blocks until there is something; it stands until released. Null: there will be no more. */
  synchronized @Nullable Piece take() throws Failure {
    await(() -> !spans.isEmpty() || finished);
    Span first = spans.peekFirst();
    if (first == null) {
      return null;
    }
    long length = Math.min(first.to - first.from, contiguous(ring, head));
    lent = (int) Math.min(length, MAX_PIECE_BYTES);
    return new Piece(first.stream, ring.slice(index(ring, head), lent), first.from + lent);
  }

  /**
   * What was taken is written.
   *
   * @return whether nothing more is there yet
   */
  synchronized boolean release() {
    Span first = spans.getFirst();
    first.from += lent;
    head += lent;
    lent = 0;
    if (first.from == first.to) {
      spans.removeFirst();
    }
    notifyAll();
    return spans.isEmpty();
  }

  /**
   * Drops what is not being written yet, to be asked for again, if it is more than a little: kept
   * at each cut, it would add up.
   *
   * @param next the offset after all that was put
   * @return the offset after all that is kept
   */
  synchronized long drop(long next) {
    Span first = spans.peekFirst();
    if (first == null || tail - head <= LITTLE_BYTES) {
      return next;
    }
    first.to = first.from + lent;
    tail = head + lent;
    spans.clear();
    if (lent > 0) {
      spans.add(first);
    }
    return first.to;
  }

  /** Nothing will be put any more; blocks until all that was is written. */
  synchronized void finish() throws Failure {
    finished = true;
    notifyAll();
    await(() -> failure != null || spans.isEmpty());
    check();
  }

  /** It can't be written. */
  synchronized void fail(Failure reason) {
    failure = reason;
    notifyAll();
  }

  /** Throws why it can't be written, if so. */
  synchronized void check() throws Failure {
    if (failure != null) {
      throw failure;
    }
  }

  private synchronized void await(BooleanSupplier condition) throws Failure {
    try {
      while (!condition.getAsBoolean()) {
        wait();
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      throw Failure.of("interrupted");
    }
  }
}
