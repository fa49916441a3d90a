package dev.runnel.cluster;

import com.hazelcast.cluster.InitialMembershipEvent;
import com.hazelcast.cluster.InitialMembershipListener;
import com.hazelcast.cluster.MembershipEvent;
import com.hazelcast.core.Hazelcast;
import com.hazelcast.core.HazelcastException;
import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.core.HazelcastInstanceNotActiveException;
import com.hazelcast.map.IMap;
import com.hazelcast.topic.ITopic;
import com.hazelcast.topic.Message;
import dev.runnel.cluster.MemberCodec.Identity;
import dev.runnel.cluster.MemberCodec.Load;
import dev.runnel.cluster.Members.Peer;
import dev.runnel.job.RejectedException;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.JobId;
import dev.runnel.model.NodeIdentity;
import dev.runnel.model.NodeStatus;
import dev.runnel.server.ClusterView;
import dev.runnel.server.JobPlace;
import dev.runnel.server.ListenAddress;
import dev.runnel.server.NodeAddress;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A node's place in its cluster. Joining and leaving block; all else is answered at once, out of
 * what was heard. Any thread; a thread of its own tells the others what this node has room for, and
 * looks at what they tell.
 */
public final class Cluster implements ClusterView, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Cluster.class);

  private static final Duration BEAT = Duration.ofSeconds(1);

  /** A node that was killed and started again may find its former life there for so long. */
  private static final Duration NAMESAKE = Duration.ofSeconds(3);

  /** For so long a question about names is asked again while members change. */
  private static final Duration PATIENCE = Duration.ofSeconds(8);

  private static final Duration POLL = Duration.ofMillis(100);

  private final HazelcastInstance hazelcast;
  private final ITopic<byte[]> loads;
  private final IMap<String, byte[]> names;
  private final Identity identity;
  private final Members members;
  private final Supplier<Having> having;
  private final Duration keepLost;
  private final Duration certainty;
  private final ScheduledThreadPoolExecutor beats;
  private long sequence;
  private volatile boolean leaving;

  /**
   * What a node has to do.
   *
   * @param room in thousandths
   */
  public record Having(int jobs, int room, boolean isDraining) {}

  /**
   * Who joins.
   *
   * @param version of its software
   * @param frames where it takes frames of other nodes
   * @param having asked every second
   * @param keepLost for how long it is known that a node was lost
   */
  public record Joiner(
      NodeIdentity node,
      String version,
      ListenAddress.Tcp frames,
      Supplier<Having> having,
      Duration keepLost) {}

  private Cluster(HazelcastInstance hazelcast, Identity identity, Joiner joiner, Duration silence) {
    this.hazelcast = hazelcast;
    this.names = hazelcast.getMap(HazelcastSettings.NAMES);
    // Sooner than the others go on without a node that is cut off.
    this.certainty = silence.multipliedBy(3).dividedBy(5);
    this.keepLost = joiner.keepLost();
    this.loads = hazelcast.getTopic(HazelcastSettings.LOADS);
    this.identity = identity;
    this.members = new Members(identity, joiner.keepLost(), this::gone);
    this.having = joiner.having();
    this.beats =
        new ScheduledThreadPoolExecutor(
            1, task -> Thread.ofPlatform().daemon().name("runnel-cluster").unstarted(task));
  }

  /**
   * Joins those that are there, or begins a cluster that others join; blocks for some seconds.
   *
   * @throws ClusterException if it cannot listen, or another node has its name
   */
  public static Cluster join(ClusterOptions options, Joiner joiner) throws ClusterException {
    Identity identity =
        new Identity(
            joiner.node().name(),
            joiner.node().boot(),
            joiner.version(),
            joiner.frames().toString(),
            options.labels(),
            System.currentTimeMillis());
    HazelcastInstance hazelcast;
    long begun = System.nanoTime();
    try {
      hazelcast = Hazelcast.newHazelcastInstance(HazelcastSettings.of(options, identity));
    } catch (HazelcastException | IllegalStateException e) {
      if (System.nanoTime() - begun > HazelcastSettings.JOIN.toNanos()) {
        throw new ClusterException(
            "cannot join the cluster within "
                + HazelcastSettings.JOIN.toSeconds()
                + " s: a member takes connections and does not answer, or the members are changing"
                + " (looked at "
                + String.join(", ", options.join())
                + ")");
      }
      throw new ClusterException(
          "cannot listen on " + options.listen() + " for the cluster: " + e.getMessage());
    }
    Cluster cluster = new Cluster(hazelcast, identity, joiner, options.silence());
    try {
      cluster.begin();
    } catch (ClusterException | RuntimeException e) {
      cluster.close();
      throw e;
    }
    LOG.info(
        "joined cluster={} node={} address={} nodes={}",
        options.name(),
        identity.name(),
        options.listen(),
        cluster.members.peers().size());
    return cluster;
  }

  private void begin() throws ClusterException {
    var _ = loads.addMessageListener(this::heard);
    var _ = hazelcast.getCluster().addMembershipListener(new Listener());
    members.become(hazelcast.getCluster().getMembers());
    refuseNamesake();
    beat();
    var _ =
        beats.scheduleAtFixedRate(
            this::tryBeat, BEAT.toMillis(), BEAT.toMillis(), TimeUnit.MILLISECONDS);
  }

  // The older stays, so that of two that start at once one does.
  private void refuseNamesake() throws ClusterException {
    long until = System.nanoTime() + NAMESAKE.toNanos();
    while (true) {
      Peer first = members.named(identity.name());
      if (first == null || first.isOwn()) {
        return;
      }
      if (System.nanoTime() > until) {
        throw new ClusterException(
            "a node of the name "
                + identity.name()
                + " is in the cluster already, at "
                + first.identity().frames()
                + "; give this one another with --node");
      }
      pause();
    }
  }

  private static void pause() throws ClusterException {
    try {
      Thread.sleep(POLL);
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      throw new ClusterException("interrupted");
    }
  }

  private final class Listener implements InitialMembershipListener {
    @Override
    public void init(InitialMembershipEvent event) {
      members.become(event.getMembers());
    }

    @Override
    public void memberAdded(MembershipEvent event) {
      change(event);
    }

    @Override
    public void memberRemoved(MembershipEvent event) {
      change(event);
    }

    private void change(MembershipEvent event) {
      if (!leaving) {
        members.become(event.getMembers());
      }
    }
  }

  // A periodic task that throws is not run again.
  private void tryBeat() {
    try {
      beat();
    } catch (HazelcastException | HazelcastInstanceNotActiveException e) {
      LOG.debug("no beat: the members are changing cause={}", e.toString());
    } catch (RuntimeException | Error e) {
      LOG.warn("cannot tell the cluster of this node cause={}", e.toString());
    }
  }

  private synchronized void beat() {
    Having now = having.get();
    NodeStatus.State state =
        now.isDraining() || leaving ? NodeStatus.State.DRAINING : NodeStatus.State.READY;
    Load load = new Load(identity.boot(), ++sequence, state, now.jobs(), now.room());
    loads.publish(MemberCodec.encode(load));
    members.sweep();
  }

  private void heard(Message<byte[]> message) {
    Load load = MemberCodec.load(message.getMessageObject());
    Peer peer = load == null ? null : members.ofBoot(load.boot());
    if (load != null && peer != null) {
      peer.hear(load);
    }
  }

  @Override
  public List<NodeStatus> nodes() {
    return members.statuses();
  }

  @Override
  public List<NodeAddress> addresses() {
    List<NodeAddress> all = new ArrayList<>();
    for (Peer peer : members.peers()) {
      NodeAddress address = address(peer);
      if (address != null) {
        all.add(address);
      }
    }
    return all;
  }

  private static @Nullable NodeAddress address(@Nullable Peer peer) {
    return peer == null
        ? null
        : NodeAddress.of(peer.identity().name(), peer.identity().boot(), peer.identity().frames());
  }

  @Override
  public @Nullable NodeAddress ofBoot(String boot) {
    return address(members.ofBoot(boot));
  }

  @Override
  public @Nullable NodeAddress named(String node) {
    return address(members.named(node));
  }

  @Override
  public @Nullable NodeAddress makerOf(JobId job) {
    return address(members.makerOf(job.value()));
  }

  @Override
  public boolean knows(String boot) {
    return members.knows(boot);
  }

  @Override
  public boolean isOfLost(JobId job) {
    return members.isOfGone(job.value());
  }

  @Override
  public List<NodeAddress> choose(Map<String, String> where) {
    List<Peer> fit = new ArrayList<>();
    for (Peer peer : members.peers()) {
      Load load = peer.load();
      boolean takes = load != null && load.state() == NodeStatus.State.READY;
      if (takes && peer.identity().labels().entrySet().containsAll(where.entrySet())) {
        fit.add(peer);
      }
    }
    // Two of them at random: a thousand starts at once must not all find the same one best.
    Collections.shuffle(fit, ThreadLocalRandom.current());
    List<Peer> two = new ArrayList<>(fit.subList(0, Math.min(2, fit.size())));
    two.sort(Comparator.comparingInt(peer -> -room(peer)));
    return two.stream().map(Cluster::address).filter(Objects::nonNull).toList();
  }

  private static int room(Peer peer) {
    Load load = peer.load();
    return load == null ? 0 : load.room();
  }

  @Override
  public Future<Optional<JobPlace>> find(JobId job) {
    return askedUntilAnswered(() -> names.getAsync(job.value()))
        .map(bytes -> Optional.ofNullable(NameEntry.place(bytes)));
  }

  @Override
  public @Nullable String uncertainty() {
    return members.hasMajority(certainty)
        ? null
        : "this node sees less than half of the cluster: that a name is not taken elsewhere is not"
            + " certain";
  }

  @Override
  public Future<Optional<JobPlace>> claim(JobId job, JobPlace here) {
    return askedUntilAnswered(() -> names.submitToKey(job.value(), NameEntry.claim(here)))
        .compose(
            there -> {
              // Looked at again: while it was asked the others may have gone on without this node.
              String doubt = uncertainty();
              if (doubt != null) {
                return Future.failedFuture(new RejectedException(ErrorCode.UNAVAILABLE, doubt));
              }
              JobPlace known = NameEntry.place(there);
              boolean ours = known != null && known.equals(here) && !here.once().isEmpty();
              return Future.succeededFuture(ours ? Optional.empty() : Optional.ofNullable(known));
            });
  }

  // Again while members change, as a question may have gone to one that is lost. A claim that was
  // made after all finds itself there.
  private <T extends @Nullable Object> Future<T> askedUntilAnswered(
      Supplier<CompletionStage<T>> question) {
    return askedUntil(question, System.nanoTime() + PATIENCE.toNanos());
  }

  private <T extends @Nullable Object> Future<T> askedUntil(
      Supplier<CompletionStage<T>> question, long deadline) {
    return asked(question)
        .recover(
            e ->
                System.nanoTime() < deadline
                    ? later().compose(_ -> askedUntil(question, deadline))
                    : Future.failedFuture(e));
  }

  private Future<Void> later() {
    Promise<Void> passed = Promise.promise();
    var _ = beats.schedule(() -> passed.complete(), POLL.toMillis(), TimeUnit.MILLISECONDS);
    return passed.future();
  }

  private static <T extends @Nullable Object> Future<T> asked(
      Supplier<CompletionStage<T>> question) {
    try {
      return Future.fromCompletionStage(question.get());
    } catch (RuntimeException e) {
      return Future.failedFuture(e);
    }
  }

  @Override
  public void release(JobId job) {
    change(job.value(), NameEntry.release(identity.boot()));
  }

  /** The name of a job that has ended is known for so long. */
  public void ended(JobId job, Duration keep) {
    change(job.value(), NameEntry.expire(identity.boot(), keep.toMillis()));
  }

  private void change(String name, NameEntry change) {
    var _ =
        asked(() -> names.submitToKey(name, change))
            .onFailure(e -> LOG.debug("name not changed name={} cause={}", name, e.toString()));
  }

  // Each member sees to those that it has, of a node that cannot do so itself any more.
  private void expireNamesOf(String boot) {
    for (String name : names.localKeySet()) {
      JobPlace place = NameEntry.place(names.get(name));
      if (place != null && place.boot().equals(boot)) {
        change(name, NameEntry.expire(boot, keepLost.toMillis()));
      }
    }
  }

  private void gone(String boot) {
    if (!leaving) {
      beats.execute(() -> tryTo("expire names", () -> expireNamesOf(boot)));
    }
  }

  private static void tryTo(String what, Runnable task) {
    try {
      task.run();
    } catch (RuntimeException | Error e) {
      LOG.warn("cannot {} cause={}", what, e.toString());
    }
  }

  @Override
  public Watch onGone(String boot, Runnable task) {
    return members.onGone(boot, task);
  }

  /** Tells the others that this node ends, and leaves; blocks. */
  @Override
  public void close() {
    leaving = true;
    tryBeat();
    end();
  }

  private void end() {
    beats.shutdownNow();
    try {
      hazelcast.shutdown();
    } catch (RuntimeException e) {
      LOG.warn("the cluster was not left in order cause={}", e.toString());
    }
  }
}
