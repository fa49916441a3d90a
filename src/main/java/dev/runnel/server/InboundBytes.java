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
 * What connections hold of a node's memory because their peers do not go on: frames that are not
 * whole yet, or what was sent and is not taken. When all of them hold too much, the one that has
 * held longest, of the source that holds most, of the principal that holds most, is given up: a
 * peer that goes on is served, however many others do not. Any thread.
 */
public final class InboundBytes {
  private static final long MIN_BYTES = 1 << 20;

  private final long limitBytes;

  // All guarded by this.
  private final Map<String, Principal> principals = new HashMap<>();
  private final Map<String, Total> sources = new HashMap<>();
  private long held;
  // Of connections that were told to end, and have not given it back yet.
  private long leaving;

  private static final class Principal {
    final Map<String, Source> sources = new HashMap<>();
    long held;
  }

  /** One address, of whatever principals. */
  private static final class Total {
    long held;
  }

  /** One address, of one principal. */
  private static final class Source {
    // In the order in which they began to hold, or last went on.
    final LinkedHashSet<Hold> holds = new LinkedHashSet<>();
    long held;
  }

  /**
   * @param limitBytes so much may be held
   */
  public InboundBytes(long limitBytes) {
    this.limitBytes = limitBytes;
  }

  /** Such a part of the heap that this JVM may have. */
  public static InboundBytes ofHeap(int part) {
    return new InboundBytes(Math.max(MIN_BYTES, Runtime.getRuntime().maxMemory() / part));
  }

  public long limitBytes() {
    return limitBytes;
  }

  /** Bytes held by connections that were not told to end. */
  public synchronized long heldBytes() {
    return held;
  }

  /**
   * How much more that principal may hold, from that source. Nobody may hold more than is left for
   * others then: the first gets half, the next a quarter.
   */
  public synchronized long leftTo(String byPrincipal, String fromSource) {
    long left = limitBytes - held;
    Total from = sources.get(fromSource);
    Principal principal = principals.get(byPrincipal);
    long most = from == null ? left : left - from.held;
    if (principal != null) {
      Source source = principal.sources.get(fromSource);
      most = Math.min(most, left - principal.held - (source == null ? 0 : source.held));
    }
    return Math.max(0, most);
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

    /** The peer went on: what it holds from now on, it has not held for long. */
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
      synchronized (InboundBytes.this) {
        if (givenUp) {
          leaving += now - bytes;
          bytes = now;
          return new ArrayList<>();
        }
        if (renewed || now == 0 || bytes == 0) {
          remove(this);
          bytes = 0;
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
      sources.computeIfAbsent(hold.source, _ -> new Total()).held += more;
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
    Total from = sources.get(hold.source);
    if (principal == null || source == null || from == null) {
      throw new IllegalStateException("not held: " + hold.bytes);
    }
    held -= hold.bytes;
    from.held -= hold.bytes;
    principal.held -= hold.bytes;
    source.held -= hold.bytes;
    source.holds.remove(hold);
    if (from.held == 0) {
      sources.remove(hold.source);
    }
    if (source.holds.isEmpty()) {
      principal.sources.remove(hold.source);
    }
    if (principal.sources.isEmpty()) {
      principals.remove(hold.principal);
    }
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
    remove(hold);
    hold.givenUp = true;
    leaving += hold.bytes;
  }

  private Hold oldestOfTheHeaviest() {
    Principal principal =
        Collections.max(principals.values(), Comparator.comparingLong(each -> each.held));
    Collection<Source> sources = principal.sources.values();
    return Collections.max(sources, Comparator.comparingLong(each -> each.held)).holds.getFirst();
  }
}
