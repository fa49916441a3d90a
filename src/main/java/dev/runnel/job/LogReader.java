package dev.runnel.job;

import dev.runnel.model.End;
import dev.runnel.model.Role;
import org.jspecify.annotations.Nullable;

/**
 * A follower's place in a log. For one thread, the follower's. The log keeps what a runner has not
 * consumed; a watcher's position jumps when the log has moved past it.
 */
public final class LogReader {
  private final OutputLog log;
  private final Role role;
  private final Runnable onMore;
  private long position;

  // Guarded by the log: where it read last, and whether it has found nothing and waits to be
  // called.
  private @Nullable Chunk chunk;
  private boolean parked;
  // What was read back from the disk for it.
  private @Nullable Chunk loaded;
  // Calls off what is being read back for it. Null: nothing is.
  private @Nullable Runnable loading;
  private boolean gone;

  LogReader(OutputLog log, Role role, long position, Runnable onMore) {
    this.log = log;
    this.role = role;
    this.position = position;
    this.onMore = onMore;
  }

  /** The log offset of the next byte that is wanted. */
  public long position() {
    return position;
  }

  /**
   * The next bytes, of one stream, and moves past them; the caller closes the lease. It begins
   * beyond the {@link #position} there was, if what stood there is gone. Null: there are none now,
   * and the position has moved past what is gone; {@code onMore} is called as soon as there are, or
   * the end.
   */
  public @Nullable LentSlice next(int maxBytes) {
    LentSlice lease = log.lease(this, maxBytes);
    if (lease != null) {
      position = lease.end();
    }
    return lease;
  }

  /** How the job ended, once everything was read. */
  public @Nullable End end() {
    return log.endFor(this);
  }

  /** Nothing below the offset will be asked for again: the log may drop it. */
  public void consumed(long offset) {
    log.unpin(this, offset);
  }

  OutputLog log() {
    return log;
  }

  boolean isRunner() {
    return role == Role.RUNNER;
  }

  Runnable onMore() {
    return onMore;
  }

  /** Goes on from there, or back to what it could not use. For the reader's thread. */
  void moveTo(long offset) {
    position = offset;
  }

  // Under the log's lock.

  @Nullable Chunk chunk() {
    return chunk;
  }

  void readFrom(Chunk current) {
    chunk = current;
  }

  /** What was read back for it; null: nothing. */
  @Nullable Chunk loaded() {
    return loaded;
  }

  void have(@Nullable Chunk block) {
    loaded = block;
  }

  boolean isLoading() {
    return loading != null;
  }

  /**
   * Something is read back for it.
   *
   * @param callOff has it left, if it has not begun
   */
  void load(Runnable callOff) {
    loading = callOff;
  }

  void endLoading() {
    loading = null;
  }

  /** What is to be called off then, not under the lock; null: nothing. */
  @Nullable Runnable leave() {
    gone = true;
    return loading;
  }

  boolean isGone() {
    return gone;
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
