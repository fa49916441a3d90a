package dev.runnel.process.tree;

import dev.runnel.process.loop.LoopTasks;
import dev.runnel.process.proc.ProcessTable;
import dev.runnel.process.proc.TreeMembership;

/** A child of ours that we did not start. The pump's own. */
final class Orphan {
  /** Its end shows only when the list of children is read: there was no descriptor for it. */
  static final int UNWATCHED = -1;

  private final int pid;
  private final int systemSession;
  private final long started;
  private final long noticedNanos;
  private int pidfd = UNWATCHED;
  private LoopTasks.Watch end = () -> {};
  private Runnable unlist = () -> {};
  private Standing standing = Standing.UNKNOWN;
  private long tag = ProcessTable.NO_TAG;
  private long unreadSinceNanos;
  private boolean unread;
  private boolean setAside;

  private enum Standing {
    /** Not looked at yet, or in vain. */
    UNKNOWN,
    /** Of a run that is not over. */
    MEMBER,
    /** Of a run that is over, to live on. */
    KEPT,
    /** Of a run that is over, and was told to have left nobody. */
    LEFT,
    /** Of no run, as far as can be told. */
    STRAY
  }

  /**
   * @param systemSession the number of the session that it is in now, ours or not
   */
  Orphan(int pid, int systemSession, long started, long noticedNanos) {
    this.pid = pid;
    this.systemSession = systemSession;
    this.started = started;
    this.noticedNanos = noticedNanos;
  }

  /** Takes both over. */
  void hold(int descriptor, LoopTasks.Watch watch) {
    pidfd = descriptor;
    end = watch;
  }

  int pid() {
    return pid;
  }

  int systemSession() {
    return systemSession;
  }

  long started() {
    return started;
  }

  /** Negative: {@link #UNWATCHED}. */
  int pidfd() {
    return pidfd;
  }

  boolean isUnknown() {
    return standing == Standing.UNKNOWN;
  }

  boolean isKept() {
    return standing == Standing.KEPT;
  }

  boolean isLeft() {
    return standing == Standing.LEFT;
  }

  /** Whether it is to be looked at: what was not found before may be found now. */
  boolean isUnplaced() {
    return standing == Standing.UNKNOWN || standing == Standing.STRAY;
  }

  long noticedNanos() {
    return noticedNanos;
  }

  boolean isNoticedSince(long nanos) {
    return noticedNanos - nanos > 0;
  }

  boolean isMemberOf(long other) {
    return standing == Standing.MEMBER && tag == other;
  }

  void becomeUnknown() {
    become(Standing.UNKNOWN, ProcessTable.NO_TAG);
  }

  void becomeMember(long of) {
    become(Standing.MEMBER, of);
  }

  void becomeKept(long of) {
    become(Standing.KEPT, of);
  }

  void becomeLeft(long of) {
    become(Standing.LEFT, of);
  }

  void becomeStray() {
    become(Standing.STRAY, ProcessTable.NO_TAG);
  }

  /**
   * The watchdog knows of it.
   *
   * @param out ends that; called once, when it is no stray any more or is let go of
   */
  void listed(Runnable out) {
    unlist = out;
  }

  /** A stray for as long as it can't be looked into. */
  void setAside() {
    becomeStray();
    setAside = true;
  }

  /** Whether a later look may tell more of it. */
  boolean isOpen() {
    return isUnknown() || setAside;
  }

  /** As one who began in the same session of the system. */
  void becomeLike(Orphan other) {
    become(other.standing, other.tag);
  }

  private void become(Standing next, long of) {
    unlist();
    standing = next;
    tag = of;
    unread = false;
    setAside = false;
  }

  /** It could not be looked into; for how long it could not by now. */
  long unreadNanos(long now) {
    if (!unread) {
      unread = true;
      unreadSinceNanos = now;
    }
    return now - unreadSinceNanos;
  }

  boolean isSame(TreeMembership kin) {
    return kin.started() == started;
  }

  TreeMembership kin() {
    return new TreeMembership(tag, started);
  }

  /** Lets go of it; the descriptor is the caller's again. */
  void unwatch() {
    unlist();
    end.end();
  }

  private void unlist() {
    unlist.run();
    unlist = () -> {};
  }
}
