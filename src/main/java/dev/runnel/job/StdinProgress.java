package dev.runnel.job;

import dev.runnel.model.Event;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a runner is told of the stdin it sends, on its thread. PROTOCOL.md, "Flow". */
final class StdinProgress {
  private final Job job;
  private final Subscription.Outlet outlet;
  // What came before the seat was ours; null: it is.
  private @Nullable List<Piece> early;
  private int earlyBytes;
  private boolean over;
  private long told = -1;

  @SuppressWarnings("ArrayRecordComponent") // Moved, never compared.
  private record Piece(long offset, byte[] bytes, boolean eof) {}

  StdinProgress(Job job, SubscribeOptions.Existence existence, Subscription.Outlet outlet) {
    this.job = job;
    this.outlet = outlet;
    this.early = existence == SubscribeOptions.Existence.EXISTING ? new ArrayList<>(0) : null;
  }

  /** Tells how far the pipe is, if that is news. */
  void tell() {
    if (over) {
      return;
    }
    if (job.isStdinBroken()) {
      over = true;
      outlet.tell(new Event.StdinClosed(job.id()));
      return;
    }
    // Read before the count: the count is final once this is true.
    boolean eof = job.isStdinEnded();
    long taken = job.stdinTaken();
    if (taken > told || eof) {
      told = taken;
      over = eof;
      outlet.tell(new Event.StdinAck(job.id(), taken, eof));
    }
  }

  /**
   * Passes bytes on.
   *
   * @return whether there is something to tell
   * @throws BadNoticeException if they don't follow what came before, or go beyond the credit
   */
  boolean offer(JobListener by, long offset, byte[] bytes, boolean eof) throws BadNoticeException {
    if (early != null) {
      keepEarly(new Piece(offset, bytes, eof));
      return false;
    }
    return switch (job.offerStdin(by, offset, bytes, eof)) {
      case TAKEN -> false;
      case DUPLICATE -> {
        // To be acknowledged once more.
        told = -1;
        over &= job.isStdinBroken();
        yield true;
      }
      case HOLE -> throw bad(offset, bytes, "leaves a hole");
      case OVERRUN -> throw bad(offset, bytes, "beyond the window of " + Job.STDIN_WINDOW_BYTES);
      case BEYOND_EOF -> throw bad(offset, bytes, "contradicts an earlier eof");
    };
  }

  // Beyond the window it could not be taken anyway.
  private void keepEarly(Piece piece) {
    if (early != null && earlyBytes + piece.bytes.length <= Job.STDIN_WINDOW_BYTES) {
      earlyBytes += Math.max(1, piece.bytes.length);
      early.add(piece);
    }
  }

  /** The seat is ours: takes what came before, as far as it fits; the ack has told how far. */
  void offerEarly(JobListener by) {
    List<Piece> pieces = early;
    early = null;
    if (pieces != null) {
      pieces.forEach(piece -> job.offerStdin(by, piece.offset, piece.bytes, piece.eof));
    }
  }

  private static BadNoticeException bad(long offset, byte[] bytes, String what) {
    return new BadNoticeException("stdin: " + bytes.length + " bytes at " + offset + ": " + what);
  }
}
