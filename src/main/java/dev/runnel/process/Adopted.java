package dev.runnel.process;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.nio.charset.StandardCharsets.US_ASCII;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Orphans of our sessions: the kernel makes them children of this process, a subreaper, before it
 * reports their parent's end. They are reaped here when they end. The pump's own.
 *
 * <p>They stand in the list of children of this process's first thread, which is short: a child
 * that was started stands in that of the thread that started it. As everybody in a session descends
 * from its leader, a leader that left no orphan left nobody. The list is complete, as only this
 * thread takes anybody out of it.
 */
final class Adopted {
  private static final Duration INTERVAL = Duration.ofSeconds(1);
  private static final int PAGE_BYTES = 4_096;
  private static final int BUFFER_BYTES = 16 * PAGE_BYTES;
  private static final int MAX_ROUNDS = 8;
  private static final int UNREADABLE = -1;

  private final Pump pump;
  private final Map<Integer, Session> sessions;
  private final int list;
  private final int ownSession = Pid.session(0);
  private final Map<Integer, Orphan> orphans = new HashMap<>();
  private final MemorySegment buffer = Libc.malloc(BUFFER_BYTES);
  private boolean watching;

  private Adopted(Pump pump, Map<Integer, Session> sessions, int list) {
    this.pump = pump;
    this.sessions = sessions;
    this.list = list;
  }

  /**
   * @param session that it was in when it was noticed; null: none of ours, or not yet known
   */
  private record Orphan(
      int pid, int pidfd, Poller.Watch end, @Nullable Session session, long noticedNanos) {}

  /** Null if this kernel has no such list. */
  static @Nullable Adopted open(Pump pump, Map<Integer, Session> sessions) {
    String path = "/proc/self/task/" + Pid.own() + "/children";
    int list = Fd.open(path.getBytes(US_ASCII), Fd.O_RDONLY);
    if (list < 0) {
      Trouble.warn("orphans stay zombies: open " + path + ": " + Errno.name(-list));
      return null;
    }
    return new Adopted(pump, sessions, list);
  }

  /** Looks from time to time, as long as there are sessions: nothing tells of an adoption. */
  void watch() {
    if (!watching) {
      watching = true;
      pump.schedule(
          INTERVAL,
          () -> {
            watching = false;
            look();
            if (!sessions.isEmpty() || !orphans.isEmpty()) {
              watch();
            }
          });
    }
  }

  /** Whether nobody but its leader, who has ended, can be left of the session. */
  boolean hasNobodyOf(Session session) {
    for (int round = 0; round < MAX_ROUNDS; round++) {
      int reaped = look();
      if (reaped == UNREADABLE) {
        return false;
      }
      for (Orphan orphan : List.copyOf(orphans.values())) {
        if (mayCoverFor(orphan, session)) {
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

  /** Whether it or a descendant of it may belong there. It may have left the session itself. */
  private static boolean mayCoverFor(Orphan orphan, Session session) {
    return orphan.session == null
        ? orphan.noticedNanos - session.begunNanos() > 0
        : orphan.session == session;
  }

  /** Notices who is new; how many of those had ended already and were reaped. */
  private int look() {
    String pids = read();
    if (pids == null) {
      return UNREADABLE;
    }
    int reaped = 0;
    for (String pid : pids.isEmpty() ? new String[0] : pids.split(" ")) {
      reaped += notice(Integer.parseInt(pid)) ? 1 : 0;
    }
    return reaped;
  }

  private @Nullable String read() {
    StringBuilder text = new StringBuilder();
    int count;
    do {
      count = Fd.pread(list, buffer, text.length());
      if (count < 0) {
        return null;
      }
      text.append(new String(buffer.asSlice(0, count).toArray(JAVA_BYTE), US_ASCII));
      // The kernel fills a page at a time.
    } while (count >= PAGE_BYTES / 2);
    return text.toString();
  }

  /** True if it was reaped at once. */
  private boolean notice(int pid) {
    if (orphans.containsKey(pid) || sessions.containsKey(pid)) {
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
    int pidfd = Pid.open(pid);
    // Without a descriptor left it waits for the next look.
    if (pidfd >= 0 && !watch(pid, pidfd, sessions.get(session))) {
      Fd.close(pidfd);
    }
    return false;
  }

  private boolean watch(int pid, int pidfd, @Nullable Session session) {
    try {
      Poller.Watch end = pump.poller().watch(pidfd, Epoll.IN, _ -> ended(pid));
      orphans.put(pid, new Orphan(pid, pidfd, end, session, System.nanoTime()));
      return true;
    } catch (LibcException noRoom) {
      return false;
    }
  }

  private void ended(int pid) {
    Orphan orphan = orphans.get(pid);
    if (orphan != null) {
      Wait.reap(pid);
      forget(orphan);
      for (Session session : List.copyOf(sessions.values())) {
        session.orphanEnded();
      }
    }
  }

  /** False if it still runs. */
  private boolean reap(Orphan orphan) {
    if (Wait.reap(orphan.pid) == null) {
      return false;
    }
    forget(orphan);
    return true;
  }

  private void forget(Orphan orphan) {
    orphans.remove(orphan.pid);
    orphan.end.end();
    Fd.close(orphan.pidfd);
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
    for (Orphan orphan : List.copyOf(orphans.values())) {
      forget(orphan);
    }
    Fd.close(list);
    Libc.free(buffer);
  }
}
