package dev.runnel.job;

import dev.runnel.model.Stream;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A piece of a log in native memory, of both streams in order of arrival. It lives as long as
 * somebody has it: its log, and every {@link LentSlice}. All of it is guarded by its log's lock,
 * but the bytes themselves, which never change once they are committed.
 */
final class Chunk {
  // So that what it takes to remember the runs is never more than what the chunk is charged for.
  private static final int BYTES_PER_RUN = 8;

  private final MemorySegment memory;
  private final long start;
  private int used;
  private int leases;
  private int runnerLeases;
  private Account account = Account.LOG;

  // Of its log, in order; null: it is the last, or not in the log any more.
  private @Nullable Chunk next;

  // Where each run of bytes of one stream ends; the streams of the runs alternate.
  private int[] runEnds = new int[4];
  private int runs;
  private Stream firstStream = Stream.STDOUT;

  /** Who answers for its memory. */
  enum Account {
    /** The log has it. */
    LOG,
    /** It left the log and is lent to the runner, whose log goes on answering for it. */
    RUNNER,
    /** It left the log, and none but watchers have it: that is nothing to hold their job up for. */
    WATCHERS,
    /** It never was in the log: what is there for replays alone answers for it. */
    SPARE
  }

  Chunk(MemorySegment memory, long start) {
    this.memory = memory;
    this.start = start;
  }

  /** One that never was in a log: what was read back from the disk. */
  static Chunk loaded(MemorySegment memory, long start) {
    Chunk chunk = new Chunk(memory, start);
    chunk.account = Account.WATCHERS;
    return chunk;
  }

  /** The beginning of one that was loaded, for which there is no other memory. */
  Chunk spare(MemorySegment smaller) {
    Chunk few = copyTo(smaller);
    few.account = Account.SPARE;
    return few;
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

  @Nullable Chunk next() {
    return next;
  }

  void follow(@Nullable Chunk following) {
    next = following;
  }

  Account account() {
    return account;
  }

  boolean isInLog() {
    return account == Account.LOG;
  }

  int used() {
    return used;
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
  LentSlice lease(LogReader reader, long offset, int maxBytes) {
    int from = (int) (offset - start);
    int run = Arrays.binarySearch(runEnds, 0, runs, from + 1);
    if (run < 0) {
      run = -run - 1;
    }
    int length = Math.min(maxBytes, runEnds[run] - from);
    leases++;
    if (reader.isRunner()) {
      runnerLeases++;
    }
    return new LentSlice(reader, this, streamOfRun(run), offset, memory.asSlice(from, length));
  }

  /** Somebody has it without a lease. */
  void hold() {
    leases++;
  }

  void letGo() {
    leases--;
  }

  /** A lease of it was closed. */
  void giveBack(LentSlice lease) {
    leases--;
    if (lease.isRunners()) {
      runnerLeases--;
    }
  }

  boolean isLent() {
    return leases > 0;
  }

  /** It is in the log no more. */
  void leaveLog() {
    next = null;
    account = Account.RUNNER;
  }

  /** Whether from now on nobody but watchers have it. */
  boolean isNowWatchers() {
    if (account != Account.RUNNER || runnerLeases > 0) {
      return false;
    }
    account = Account.WATCHERS;
    return true;
  }

  /** The same bytes, or the first of them, in so much memory; nobody may have a lease. */
  Chunk copyTo(MemorySegment smaller) {
    Chunk copy = new Chunk(smaller, start);
    copy.used = (int) Math.min(used, smaller.byteSize());
    MemorySegment.copy(memory, 0, smaller, 0, copy.used);
    while (copy.runs == 0 || runEnds[copy.runs - 1] < copy.used) {
      copy.runs++;
    }
    copy.runEnds = Arrays.copyOf(runEnds, copy.runs);
    copy.runEnds[copy.runs - 1] = copy.used;
    copy.firstStream = firstStream;
    return copy;
  }

  private Stream streamOfRun(int run) {
    boolean first = run % 2 == 0;
    return first == (firstStream == Stream.STDOUT) ? Stream.STDOUT : Stream.STDERR;
  }
}
