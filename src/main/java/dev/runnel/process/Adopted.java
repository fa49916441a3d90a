package dev.runnel.process;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Orphans of our trees: the kernel makes them children of this process, a subreaper, before it
 * reports their parent's end. They are reaped here when they end. The pump's own.
 *
 * <p>They stand in the list of children of this process's first thread, which is short: a child
 * that was started stands in that of the thread that started it. As everybody in a tree descends
 * from its leader, a leader that left no orphan left nobody. The list is complete, as only this
 * thread takes anybody out of it.
 */
final class Adopted {
  private static final Duration INTERVAL = Duration.ofSeconds(1);
  private static final int MAX_ROUNDS = 8;
  private static final int UNREADABLE = -1;

  /** Gets everybody's orphans, also of those who come from outside of the pid namespace. */
  private static final int INIT = 1;

  private final Pump pump;
  private final Map<Integer, Session> sessions;
  private final Children children;
  private final int maxOrphans;
  private final int ownSession = Pid.session(0);
  private final Map<Integer, Orphan> orphans = new HashMap<>();
  private int ignored;
  private int unnoticed;
  private boolean watching;
  private long strays;
  private long toldNanos = System.nanoTime() - INTERVAL.toNanos();

  private Adopted(Pump pump, Map<Integer, Session> sessions, Children children, int maxOrphans) {
    this.pump = pump;
    this.sessions = sessions;
    this.children = children;
    this.maxOrphans = maxOrphans;
  }

  /** Null if this kernel does not list children. */
  static @Nullable Adopted open(Pump pump, Map<Integer, Session> sessions, int maxOrphans) {
    Children children = Children.open();
    if (children == null) {
      return null;
    }
    Adopted adopted = new Adopted(pump, sessions, children, maxOrphans);
    if (Pid.own() == INIT) {
      pump.execute(adopted::watch);
    }
    return adopted;
  }

  /** A child that is none of our orphans, and that somebody else reaps. */
  void ignore(int pid) {
    ignored = pid;
  }

  /** The session has begun. It may have left orphans before anybody knew of it. */
  void entered(Session session) {
    for (Orphan orphan : orphans.values()) {
      if (orphan.isNoticedSince(session)) {
        if (orphan.systemSession() == session.pid()) {
          orphan.becomeMember(session);
        } else if (orphan.isStray()) {
          orphan.becomeUnknown();
        }
      }
    }
    watch();
  }

  /** Looks from time to time, as long as there are sessions: nothing tells of an adoption. */
  private void watch() {
    if (!watching) {
      watching = true;
      pump.schedule(
          INTERVAL,
          () -> {
            watching = false;
            look();
            if (!sessions.isEmpty() || !orphans.isEmpty() || Pid.own() == INIT) {
              watch();
            }
          });
    }
  }

  /** Whether nobody but its leader, who has ended, can be left of the session's tree. */
  boolean hasNobodyOf(Session session) {
    for (int round = 0; round < MAX_ROUNDS; round++) {
      int reaped = look();
      if (reaped == UNREADABLE || unnoticed > 0) {
        return false;
      }
      for (Orphan orphan : List.copyOf(orphans.values())) {
        if (orphan.mayCoverFor(session)) {
          if (!reap(orphan)) {
            return false;
          }
          reaped++;
        }
      }
      // What has been reaped may have left children, who are ours now.
      if (reaped == 0) {
        return true;
      }
    }
    return false;
  }

  /** Whether there may be orphans that are neither of a session nor to be kept. */
  boolean hasStrays() {
    return look() == UNREADABLE
        || unnoticed > 0
        || orphans.values().stream().anyMatch(orphan -> !orphan.isKept());
  }

  /** To which trees the orphans belong, as far as that is known. */
  Map<Integer, Kin> kin() {
    Map<Integer, Kin> kin = new HashMap<>();
    for (Orphan orphan : orphans.values()) {
      Kin known = orphan.kin();
      if (known != null) {
        kin.put(orphan.pid(), known);
      }
    }
    return kin;
  }

  /** Those of whom nobody knows to which tree they belong, if to any. */
  Set<Integer> unknown() {
    return orphans.values().stream()
        .filter(Orphan::isUnknown)
        .map(Orphan::pid)
        .collect(Collectors.toSet());
  }

  /** What a look found out of those who were not known yet. */
  void learn(Map<Integer, Kin> kin) {
    for (Orphan orphan : orphans.values()) {
      Kin found = kin.get(orphan.pid());
      if (orphan.isUnknown() && found != null && orphan.isSame(found)) {
        place(orphan, found.tree());
      }
    }
  }

  private void place(Orphan orphan, int tree) {
    Session session = sessions.get(tree);
    if (session != null) {
      orphan.becomeMember(session);
    } else if (tree == Kin.KEPT) {
      orphan.becomeKept();
    } else if (tree == Kin.STRAY) {
      orphan.becomeStray();
      tellOfStray(orphan);
    }
  }

  private void tellOfStray(Orphan orphan) {
    strays++;
    long now = System.nanoTime();
    if (now - toldNanos >= INTERVAL.toNanos()) {
      toldNanos = now;
      Trouble.warn(
          "orphan of no known job, to be ended at the end pid=%d orphans=%d"
              .formatted(orphan.pid(), strays));
    }
  }

  /** Those of the session live on when it is over. */
  void keep(Session session) {
    look();
    for (Orphan orphan : orphans.values()) {
      if (orphan.mayCoverFor(session) && !orphan.isUnknown()) {
        orphan.becomeKept();
      }
    }
  }

  /** The session is over, and its number may get a new owner. */
  void release(Session session) {
    for (Orphan orphan : orphans.values()) {
      if (orphan.isOf(session)) {
        orphan.becomeStray();
      }
    }
  }

  /** Notices who is new; how many of those had ended already and were reaped. */
  private int look() {
    int[] pids = children.pids();
    if (pids == null) {
      return UNREADABLE;
    }
    int reaped = 0;
    unnoticed = 0;
    for (int pid : pids) {
      reaped += notice(pid) ? 1 : 0;
    }
    return reaped;
  }

  /** True if it was reaped at once. */
  private boolean notice(int pid) {
    if (pid == ignored || orphans.containsKey(pid) || sessions.containsKey(pid)) {
      return false;
    }
    int session = Pid.session(pid);
    // In our own session nobody is from a command: these are children of the JDK or of a library.
    if (session < 0 || session == ownSession) {
      return false;
    }
    if (Wait.reap(pid) != null) {
      return true;
    }
    int pidfd = orphans.size() < maxOrphans ? Pid.open(pid) : -Errno.EMFILE;
    if (pidfd < 0 || !adopt(pid, pidfd, session)) {
      unnoticed++;
    }
    return false;
  }

  private boolean adopt(int pid, int pidfd, int systemSession) {
    try {
      Orphan orphan = new Orphan(pid, pidfd, systemSession, pump.poller(), () -> ended(pid));
      Session session = sessions.get(systemSession);
      if (session != null) {
        orphan.becomeMember(session);
      } else {
        orphans.values().stream()
            .filter(other -> other.systemSession() == systemSession)
            .findAny()
            .ifPresent(orphan::becomeLike);
      }
      orphans.put(pid, orphan);
      return true;
    } catch (LibcException noRoom) {
      Fd.close(pidfd);
      return false;
    }
  }

  private void ended(int pid) {
    Orphan orphan = orphans.get(pid);
    if (orphan != null) {
      // Its children are ours by now, and known by the session that they share with it.
      look();
      if (!reap(orphan)) {
        // Somebody else did.
        forget(orphan);
      }
      for (Session session : List.copyOf(sessions.values())) {
        session.orphanEnded();
      }
    }
  }

  /** False if it still runs. */
  private boolean reap(Orphan orphan) {
    if (Wait.reap(orphan.pid()) == null) {
      return false;
    }
    forget(orphan);
    return true;
  }

  private void forget(Orphan orphan) {
    orphans.remove(orphan.pid());
    orphan.close();
  }

  /** Reaps who has ended by now. */
  void close() {
    int reaped = MAX_ROUNDS;
    for (int round = 0; round < MAX_ROUNDS && reaped > 0; round++) {
      reaped = look();
      for (Orphan orphan : List.copyOf(orphans.values())) {
        reaped += reap(orphan) ? 1 : 0;
      }
    }
    orphans.values().forEach(Orphan::close);
    orphans.clear();
    children.close();
  }
}
