package dev.runnel.process;

import org.jspecify.annotations.Nullable;

/** A child of ours that we did not start. The pump's own. */
final class Orphan {
  private final int pid;
  private final int pidfd;
  private final int systemSession;
  private final long started;
  private final long noticedNanos = System.nanoTime();
  private final Poller.Watch end;
  private Standing standing = Standing.UNKNOWN;
  private @Nullable Session session;

  private enum Standing {
    /** Nobody has looked yet. */
    UNKNOWN,
    MEMBER,
    KEPT,
    STRAY
  }

  /**
   * Takes over the pidfd, unless it throws.
   *
   * @param systemSession the number of the session that it is in now, ours or not
   * @throws LibcException if the kernel has no room for another descriptor to wait for
   */
  Orphan(int pid, int pidfd, int systemSession, Poller poller, Runnable onEnd) {
    this.pid = pid;
    this.pidfd = pidfd;
    this.systemSession = systemSession;
    this.started = ProcFiles.started(pid);
    this.end = poller.watch(pidfd, Epoll.IN, _ -> onEnd.run());
  }

  int pid() {
    return pid;
  }

  int systemSession() {
    return systemSession;
  }

  boolean isUnknown() {
    return standing == Standing.UNKNOWN;
  }

  boolean isKept() {
    return standing == Standing.KEPT;
  }

  boolean isStray() {
    return standing == Standing.STRAY;
  }

  boolean isNoticedSince(Session other) {
    return noticedNanos - other.begunNanos() > 0;
  }

  boolean isOf(Session other) {
    return session == other;
  }

  void becomeUnknown() {
    standing = Standing.UNKNOWN;
  }

  void becomeMember(Session of) {
    standing = Standing.MEMBER;
    session = of;
  }

  void becomeKept() {
    standing = Standing.KEPT;
    session = null;
  }

  void becomeStray() {
    standing = Standing.STRAY;
    session = null;
  }

  /** As one who began in the same session of the system. */
  void becomeLike(Orphan other) {
    standing = other.standing;
    session = other.session;
  }

  /** Whether it or a descendant of it may belong there. It may have left the session itself. */
  boolean mayCoverFor(Session other) {
    return isUnknown() ? isNoticedSince(other) : session == other;
  }

  boolean isSame(Kin kin) {
    return kin.started() == started;
  }

  /** Null while it is not known. */
  @Nullable Kin kin() {
    return switch (standing) {
      case UNKNOWN -> null;
      case MEMBER -> session == null ? null : new Kin(session.pid(), started);
      case KEPT -> new Kin(Kin.KEPT, started);
      case STRAY -> new Kin(Kin.STRAY, started);
    };
  }

  /** Lets go of it. */
  void close() {
    end.end();
    Fd.close(pidfd);
  }
}
