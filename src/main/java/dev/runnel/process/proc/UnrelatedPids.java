package dev.runnel.process.proc;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/**
 * Who is older than all of our trees, so that nobody need ask again; for a second, in which no
 * number gets a new owner. The sweeper's own.
 */
public final class UnrelatedPids {
  private static final Duration TRUSTED = Duration.ofSeconds(1);

  /** The session of each, by pid: as many as there are processes. */
  private final Map<Integer, Integer> sessions = new HashMap<>();

  private long begunNanos = System.nanoTime();

  public boolean has(int pid, int session) {
    Integer known = sessions.get(pid);
    return known != null && known == session;
  }

  public void add(int pid, int session) {
    sessions.put(pid, session);
  }

  /** To be called before each look. */
  public void forgetInTime() {
    long now = System.nanoTime();
    if (now - begunNanos > TRUSTED.toNanos()) {
      sessions.clear();
      begunNanos = now;
    }
  }
}
