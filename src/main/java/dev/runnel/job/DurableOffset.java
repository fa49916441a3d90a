package dev.runnel.job;

import org.jspecify.annotations.Nullable;

/**
 * How far a log is on the disk, if it goes there at all, and what it need not keep itself because
 * of that. All of it is guarded by the log's lock.
 */
final class DurableOffset {
  // Null: there is none, or nobody can ask for it any more.
  private @Nullable JobSpool spool;
  // The reader by which output gets there; null: it does not.
  private @Nullable LogReader writer;
  private long end;
  private boolean endWritten;
  // It takes no more, for now: nothing waits for it.
  private boolean stopped;
  // It has not begun, or does not answer: the process waits for it, and readers do not.
  private boolean absent = true;

  /** All from there on goes to the disk, as that reader comes to it. */
  void begin(JobSpool disk, LogReader by, long from) {
    spool = disk;
    writer = by;
    end = from;
  }

  boolean isWriter(LogReader by) {
    return by == writer;
  }

  /** All below the offset is there. */
  void reached(long offset) {
    end = offset;
    stopped = false;
    absent = false;
  }

  /** So is how the job ended. */
  void reachedEnd() {
    endWritten = true;
    // What of the output has had no room will have none.
    stopped = true;
  }

  /** It does not answer. Says whether that is new. */
  boolean beAbsent() {
    boolean was = absent;
    absent = true;
    return !was;
  }

  /** Whether readers get what is on it and no more: else a killed daemon had told too much. */
  boolean holdsBack() {
    return writer != null && !stopped && !absent;
  }

  boolean holdsBackEnd() {
    return holdsBack() && !endWritten;
  }

  /**
   * Where what the reader may have ends.
   *
   * @param next where the log does
   */
  long limit(LogReader by, long next) {
    return holdsBack() && by != writer ? Math.min(end, next) : next;
  }

  /** Who writes it; null: nobody. */
  @Nullable LogReader writer() {
    return writer;
  }

  /** The disk takes no more for now: nobody waits for it. */
  void stop() {
    stopped = true;
  }

  /** Null: there is none, or nobody can ask for it any more. */
  @Nullable JobSpool spool() {
    return spool;
  }

  /** Nobody can ask for it any more; what is to be deleted, or null. */
  @Nullable JobSpool forget() {
    JobSpool last = spool;
    spool = null;
    stopped = true;
    return last;
  }

  /**
   * Below it nothing has to stay in memory.
   *
   * @param wanted the same, if there were no disk
   */
  long held(long wanted) {
    if (writer == null) {
      return wanted;
    }
    return stopped ? Math.max(wanted, end) : end;
  }

  /**
   * The first byte that the reader can have, wherever it stands.
   *
   * @param start of what is in memory
   */
  long first(LogReader by, long start) {
    long position = by.position();
    if (position >= start || spool == null || isWriter(by)) {
      return Math.max(position, start);
    }
    return Math.min(spool.available(position), start);
  }

  /** Asks that it be read back for the reader; reading takes another thread. */
  void load(LogReader by, long from, int maxBytes) {
    if (spool != null && !by.isLoading()) {
      by.load(spool.load(by, from, maxBytes));
    }
  }
}
