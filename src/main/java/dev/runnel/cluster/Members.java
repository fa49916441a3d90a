package dev.runnel.cluster;

import com.hazelcast.cluster.Member;
import dev.runnel.cluster.MemberCodec.Identity;
import dev.runnel.cluster.MemberCodec.Load;
import dev.runnel.job.JobNamePrefix;
import dev.runnel.model.NodeStatus;
import dev.runnel.server.ClusterView;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who is there, who was, and what was heard of each of them last; each change is logged. Changed by
 * one thread at a time, read by any.
 */
final class Members {
  private static final Logger LOG = LoggerFactory.getLogger("dev.runnel.cluster.Cluster");

  /** Of so many lost nodes is kept that they were. */
  private static final int MAX_LOST = 4_096;

  private final Identity own;
  private final Duration keepLost;

  /** By boot. */
  private final Map<String, Lost> lost = new ConcurrentHashMap<>();

  /** By boot: who wants to know when it is gone. */
  private final Map<String, Set<Runnable>> watches = new ConcurrentHashMap<>();

  private final Consumer<String> onGone;
  private final Majority majority = new Majority();
  private volatile List<Peer> peers = List.of();

  /** One that is there. */
  static final class Peer {
    private final Identity identity;
    private final boolean isOwn;
    private volatile @Nullable Load load;
    private volatile long heard = System.nanoTime();

    Peer(Identity identity, boolean isOwn) {
      this.identity = identity;
      this.isOwn = isOwn;
    }

    Identity identity() {
      return identity;
    }

    boolean isOwn() {
      return isOwn;
    }

    @Nullable Load load() {
      return load;
    }

    /** What it says about itself, if that is newer than what was known. */
    void hear(Load news) {
      Load known = load;
      if (known == null || news.sequence() > known.sequence()) {
        load = news;
        heard = System.nanoTime();
      }
    }

    Duration silence() {
      return Duration.ofNanos(System.nanoTime() - heard);
    }
  }

  private record Lost(Identity identity, long at, boolean inOrder) {}

  /**
   * @param onGone told the boot of each that is gone
   */
  Members(Identity own, Duration keepLost, Consumer<String> onGone) {
    this.own = own;
    this.keepLost = keepLost;
    this.onGone = onGone;
  }

  /** Those that are there, the oldest first. */
  List<Peer> peers() {
    return peers;
  }

  /** The one of that life; null: it is not there. */
  @Nullable Peer ofBoot(String boot) {
    for (Peer peer : peers) {
      if (peer.identity().boot().equals(boot)) {
        return peer;
      }
    }
    return null;
  }

  /** Of two that have one name, the older. */
  @Nullable Peer named(String name) {
    for (Peer peer : peers) {
      if (peer.identity().name().equals(name)) {
        return peer;
      }
    }
    return null;
  }

  /** These are there now, the oldest first. */
  synchronized void become(Collection<Member> members) {
    List<Peer> before = peers;
    List<Peer> now = new ArrayList<>();
    for (Member member : members) {
      Identity identity = MemberCodec.identity(member.getAttribute(HazelcastSettings.ATTRIBUTE));
      if (identity != null) {
        Peer known = find(before, identity.boot());
        now.add(known == null ? new Peer(identity, identity.boot().equals(own.boot())) : known);
      }
    }
    peers = List.copyOf(now);
    majority.changed(
        now.size(),
        (int) before.stream().filter(peer -> !now.contains(peer) && isDraining(peer)).count());
    now.stream().filter(peer -> !before.contains(peer)).forEach(this::joined);
    before.stream().filter(peer -> !now.contains(peer)).forEach(this::gone);
  }

  private static @Nullable Peer find(List<Peer> peers, String boot) {
    return peers.stream().filter(p -> p.identity().boot().equals(boot)).findFirst().orElse(null);
  }

  private static boolean isDraining(Peer peer) {
    Load load = peer.load();
    return load != null && load.state() == NodeStatus.State.DRAINING;
  }

  /** Whether more than half of the members are there, and were heard of in that time. */
  boolean hasMajority(Duration silence) {
    List<Peer> all = peers;
    int heard = 0;
    for (Peer peer : all) {
      heard += peer.isOwn() || peer.silence().compareTo(silence) < 0 ? 1 : 0;
    }
    return majority.isOf(heard, !all.isEmpty() && all.getFirst().isOwn());
  }

  private void joined(Peer peer) {
    boolean back = lost.remove(peer.identity().boot()) != null;
    if (!peer.isOwn()) {
      LOG.info(
          "node {} node={} address={} boot={} version={}",
          back ? "back" : "joined",
          peer.identity().name(),
          peer.identity().frames(),
          peer.identity().boot(),
          peer.identity().version());
    }
  }

  private void gone(Peer peer) {
    Identity identity = peer.identity();
    Load load = peer.load();
    boolean inOrder = load != null && load.state() == NodeStatus.State.DRAINING;
    if (inOrder) {
      LOG.info("node left node={} address={}", identity.name(), identity.frames());
    } else {
      LOG.warn(
          "node lost node={} address={} boot={} cause={}",
          identity.name(),
          identity.frames(),
          identity.boot(),
          peer.silence().toSeconds() >= 5
              ? "nothing was heard of it for " + peer.silence().toMillis() + " ms"
              : "its connection broke");
    }
    if (lost.size() < MAX_LOST) {
      lost.put(identity.boot(), new Lost(identity, System.nanoTime(), inOrder));
    }
    tell(identity.boot());
    onGone.accept(identity.boot());
  }

  private void tell(String boot) {
    Set<Runnable> tasks = watches.remove(boot);
    if (tasks != null) {
      tasks.forEach(Runnable::run);
    }
  }

  /** Has that done when that life of a node is gone; at once if it is. */
  ClusterView.Watch onGone(String boot, Runnable task) {
    watches.computeIfAbsent(boot, _ -> ConcurrentHashMap.newKeySet()).add(task);
    if (ofBoot(boot) == null) {
      tell(boot);
    }
    return () ->
        watches.computeIfPresent(
            boot,
            (_, tasks) -> {
              tasks.remove(task);
              return tasks.isEmpty() ? null : tasks;
            });
  }

  /** Forgets what was lost too long ago. */
  void sweep() {
    majority.settle(peers.size());
    long now = System.nanoTime();
    lost.values().removeIf(each -> now - each.at() > keepLost.toNanos());
  }

  /** Whether that life of a node is here, or was. */
  boolean knows(String boot) {
    return ofBoot(boot) != null || lost.containsKey(boot);
  }

  /** The one that made this name, if it is there. */
  @Nullable Peer makerOf(String job) {
    for (Peer peer : peers) {
      if (made(peer.identity(), job)) {
        return peer;
      }
    }
    return null;
  }

  /** Whether one made this name that is gone. */
  boolean isOfGone(String job) {
    return lost.values().stream().anyMatch(each -> made(each.identity(), job));
  }

  private static boolean made(Identity by, String job) {
    String prefix = JobNamePrefix.of(by.name(), by.boot());
    return job.length() == prefix.length() + JobNamePrefix.RANDOM_LENGTH && job.startsWith(prefix);
  }

  /** All of them as clients are told, by name. */
  List<NodeStatus> statuses() {
    List<NodeStatus> all = new ArrayList<>();
    for (Peer peer : peers) {
      Load load = peer.load();
      if (load == null && named(peer.identity().name()) != peer) {
        // It has the name of another, and is about to be refused.
        continue;
      }
      NodeStatus.State state = load == null ? NodeStatus.State.JOINING : load.state();
      long age = System.currentTimeMillis() - peer.identity().since();
      all.add(status(peer.identity(), state, load, age));
    }
    long now = System.nanoTime();
    for (Lost each : lost.values()) {
      if (each.inOrder()) {
        continue;
      }
      long age = (now - each.at()) / 1_000_000;
      all.add(status(each.identity(), NodeStatus.State.LOST, null, age));
    }
    all.sort(Comparator.comparing(NodeStatus::name).thenComparing(NodeStatus::state));
    return all;
  }

  private static NodeStatus status(
      Identity of, NodeStatus.State state, @Nullable Load load, long ageMillis) {
    return new NodeStatus(
        of.name(),
        of.boot(),
        state,
        of.labels(),
        of.version(),
        load == null ? 0 : load.jobs(),
        load == null ? 0 : load.room(),
        of.frames(),
        Math.max(0, ageMillis));
  }
}
