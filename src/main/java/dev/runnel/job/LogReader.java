package dev.runnel.job;

import dev.runnel.model.End;
import org.jspecify.annotations.Nullable;

/** A follower's place in a log. For one thread, the follower's. */
public final class LogReader {
  private final OutputLog log;
  private final Runnable onMore;
  private long position;
  // Guarded by the log: it has found nothing and waits to be called.
  private boolean parked;

  LogReader(OutputLog log, Runnable onMore) {
    this.log = log;
    this.onMore = onMore;
  }

  /** The log offset of the next byte. */
  public long position() {
    return position;
  }

  /**
   * The next bytes, of one stream, and moves past them; the caller closes the lease. Null: there
   * are none now; {@code onMore} is called as soon as there are, or the end.
   */
  public @Nullable Lease next(int maxBytes) {
    Lease lease = log.lease(this, position, maxBytes);
    if (lease != null) {
      position = lease.end();
    }
    return lease;
  }

  /** How the job ended, once everything was read. */
  public @Nullable End end() {
    return log.endAt(position);
  }

  /** Nothing below the offset will be asked for again: the log may drop it. */
  public void consumed(long offset) {
    log.unpin(offset);
  }

  Runnable onMore() {
    return onMore;
  }

  void park() {
    parked = true;
  }

  boolean isParked() {
    return parked;
  }

  boolean unpark() {
    boolean was = parked;
    parked = false;
    return was;
  }
}
