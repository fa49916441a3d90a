package dev.runnel.server;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;

/**
 * What frames that are not whole yet may hold in memory, of all connections of a node together.
 * When there is too much, the oldest one of the source that holds most, of the principal that holds
 * most, is given up: a client that sends whole frames is served, however many others begin frames
 * and do not go on. Any thread.
 */
public final class FrameMemory {
  private static final long PART_OF_HEAP = 8;
  private static final long MIN_BYTES = 1 << 20;

  private final long limitBytes;

  // All guarded by this.
  private final Map<String, Principal> principals = new HashMap<>();
  private long held;
  // Of connections that were told to end, and have not given it back yet.
  private long leaving;

  private static final class Principal {
    final Map<String, Source> sources = new HashMap<>();
    long held;
  }

  /** One address, of one principal. */
  private static final class Source {
    // In the order in which their frames began.
    final LinkedHashSet<Hold> holds = new LinkedHashSet<>();
    long held;
  }

  /**
   * @param limitBytes so much may be held
   */
  public FrameMemory(long limitBytes) {
    this.limitBytes = limitBytes;
  }

  /** As much as suits the heap that this JVM may have. */
  public static FrameMemory ofHeap() {
    return new FrameMemory(Math.max(MIN_BYTES, Runtime.getRuntime().maxMemory() / PART_OF_HEAP));
  }

  public long limitBytes() {
    return limitBytes;
  }

  /** Bytes held by connections that were not told to end. */
  public synchronized long heldBytes() {
    return held;
  }

  /** One connection's part. On its event loop. */
  public final class Hold {
    private final Runnable giveUp;
    private boolean renewed;

    // Guarded by the memory.
    private String principal = "";
    private String source = "";
    private long bytes;
    private boolean givenUp;

    /**
     * @param giveUp called at most once, on any thread, and not by {@link #set}: the connection has
     *     to end
     */
    public Hold(Runnable giveUp) {
      this.giveUp = giveUp;
    }

    /** A frame is whole: what is held from now on is of another. */
    public void renew() {
      renewed = true;
    }

    /**
     * It holds so much now, on behalf of these.
     *
     * @return false: there is no memory for it, and the connection has to end
     */
    public boolean set(String byPrincipal, String fromSource, long now) {
      // Read without the lock: nobody else writes it.
      if (now == bytes && (now == 0 || !renewed)) {
        return true;
      }
      List<Hold> victims = change(byPrincipal, fromSource, now);
      boolean stays = !victims.remove(this);
      victims.forEach(victim -> victim.giveUp.run());
      return stays;
    }

    private List<Hold> change(String byPrincipal, String fromSource, long now) {
      synchronized (FrameMemory.this) {
        if (givenUp) {
          leaving += now - bytes;
          bytes = now;
          return new ArrayList<>();
        }
        if (renewed || now == 0 || bytes == 0) {
          remove(this);
          principal = byPrincipal;
          source = fromSource;
        }
        renewed = false;
        put(this, now);
        return now == 0 ? new ArrayList<>() : makeRoom(this);
      }
    }

    /** Its connection is closed, and holds nothing. Idempotent. */
    public void release() {
      set(principal, source, 0);
    }
  }

  private void put(Hold hold, long bytes) {
    if (bytes > 0) {
      Principal principal = principals.computeIfAbsent(hold.principal, _ -> new Principal());
      Source source = principal.sources.computeIfAbsent(hold.source, _ -> new Source());
      long more = bytes - hold.bytes;
      held += more;
      principal.held += more;
      source.held += more;
      source.holds.add(hold);
    }
    hold.bytes = bytes;
  }

  private void remove(Hold hold) {
    if (hold.bytes == 0) {
      return;
    }
    Principal principal = principals.get(hold.principal);
    Source source = principal == null ? null : principal.sources.get(hold.source);
    if (principal == null || source == null) {
      throw new IllegalStateException("not held: " + hold.bytes);
    }
    held -= hold.bytes;
    principal.held -= hold.bytes;
    source.held -= hold.bytes;
    source.holds.remove(hold);
    if (source.holds.isEmpty()) {
      principal.sources.remove(hold.source);
    }
    if (principal.sources.isEmpty()) {
      principals.remove(hold.principal);
    }
    hold.bytes = 0;
  }

  // Where other event loops don't come round to give theirs up, it is the asking one's turn.
  private List<Hold> makeRoom(Hold asking) {
    List<Hold> victims = new ArrayList<>();
    if (held + leaving > 2 * limitBytes) {
      victims.add(asking);
      giveUp(asking);
    }
    while (held > limitBytes) {
      Hold victim = oldestOfTheHeaviest();
      victims.add(victim);
      giveUp(victim);
    }
    return victims;
  }

  private void giveUp(Hold hold) {
    long bytes = hold.bytes;
    remove(hold);
    hold.givenUp = true;
    hold.bytes = bytes;
    leaving += bytes;
  }

  private Hold oldestOfTheHeaviest() {
    Principal principal =
        Collections.max(principals.values(), Comparator.comparingLong(each -> each.held));
    Collection<Source> sources = principal.sources.values();
    return Collections.max(sources, Comparator.comparingLong(each -> each.held)).holds.getFirst();
  }
}
