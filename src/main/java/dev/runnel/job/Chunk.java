package dev.runnel.job;

import dev.runnel.model.Stream;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * A piece of a log in native memory, of both streams in order of arrival. It lives as long as
 * somebody refers to it: its log, and every {@link Lease}. All of it is guarded by its log's lock,
 * but the bytes themselves, which never change once they are committed.
 */
final class Chunk {
  // So that what it takes to remember the runs is never more than what the chunk is charged for.
  private static final int BYTES_PER_RUN = 8;

  private final MemorySegment memory;
  private long start;
  private int used;
  private int references = 1;

  // Where each run of bytes of one stream ends; the streams of the runs alternate.
  private int[] runEnds = new int[4];
  private int runs;
  private Stream firstStream = Stream.STDOUT;

  Chunk(MemorySegment memory, long start) {
    this.memory = memory;
    this.start = start;
  }

  MemorySegment memory() {
    return memory;
  }

  int capacity() {
    return (int) memory.byteSize();
  }

  /** The log offset of the first byte. */
  long start() {
    return start;
  }

  /** The log offset after the last byte there is. */
  long end() {
    return start + used;
  }

  int free() {
    return capacity() - used;
  }

  /** Whether it can take a byte of the stream. */
  boolean accepts(Stream stream) {
    return free() > 0 && (runs < capacity() / BYTES_PER_RUN || streamOfRun(runs - 1) == stream);
  }

  MemorySegment room(int bytes) {
    return memory.asSlice(used, bytes);
  }

  void append(Stream stream, int bytes) {
    used += bytes;
    if (runs > 0 && streamOfRun(runs - 1) == stream) {
      runEnds[runs - 1] = used;
      return;
    }
    if (runs == 0) {
      firstStream = stream;
    }
    if (runs == runEnds.length) {
      runEnds = Arrays.copyOf(runEnds, 2 * runs);
    }
    runEnds[runs++] = used;
  }

  /** The bytes from a log offset on, as far as they are of one stream, and at most so many. */
  Lease lease(OutputLog log, long offset, int maxBytes) {
    int from = (int) (offset - start);
    int run = Arrays.binarySearch(runEnds, 0, runs, from + 1);
    if (run < 0) {
      run = -run - 1;
    }
    int length = Math.min(maxBytes, runEnds[run] - from);
    references++;
    return new Lease(log, this, streamOfRun(run), offset, memory.asSlice(from, length));
  }

  /**
   * Starts anew at its end, so that a log whose reader keeps up goes on in memory that is still in
   * the cache. Only if it has room left and nobody else refers to it, else it says false.
   */
  boolean rewind() {
    if (references > 1 || free() == 0) {
      return false;
    }
    start = end();
    used = 0;
    runs = 0;
    return true;
  }

  /** Whether that was the last reference: the memory is to be freed. */
  boolean dropReference() {
    return --references == 0;
  }

  private Stream streamOfRun(int run) {
    boolean first = run % 2 == 0;
    return first == (firstStream == Stream.STDOUT) ? Stream.STDOUT : Stream.STDERR;
  }
}
