package dev.runnel.daemon;

import dev.runnel.cli.Reasons;
import dev.runnel.cluster.Cluster;
import dev.runnel.cluster.ClusterException;
import dev.runnel.cluster.ClusterOptions;
import dev.runnel.eventbus.WorkerPool;
import dev.runnel.job.JobRegistry;
import dev.runnel.job.SpoolThreads;
import dev.runnel.model.NodeIdentity;
import dev.runnel.process.ProcessEngine;
import dev.runnel.security.AccessControl;
import dev.runnel.security.identity.UnauthenticatedLimiter;
import dev.runnel.server.Authentication;
import dev.runnel.server.ClusterMember;
import dev.runnel.server.FrameListener;
import dev.runnel.server.ListenAddress;
import dev.runnel.server.NodeDialer;
import dev.runnel.server.ServerContext;
import dev.runnel.server.seed.SeedListener;
import dev.runnel.service.EventBusAddresses;
import dev.runnel.service.JobRecorder;
import dev.runnel.service.JobService;
import dev.runnel.settings.Limit;
import dev.runnel.settings.Settings;
import dev.runnel.settings.SettingsException;
import dev.runnel.tls.ServerTls;
import dev.runnel.tls.TlsException;
import dev.runnel.tls.TlsFiles;
import dev.runnel.wire.vertx.NetworkReason;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.time.Duration;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One node: the registry, the workers and the listeners, wired around an engine that stays its
 * maker's. The core of the daemon and of an embedded Runnel alike. Nothing blocks; what it is asked
 * is asked one after the other. What it deploys are children of the verticle that it is made in, if
 * it is made in one. A future that fails says in words what could not be done.
 */
public final class Node {
  private static final Logger LOG = LoggerFactory.getLogger(Node.class);

  private static final Duration HIDING = Duration.ofSeconds(1);

  /** Longer than the registry takes to end jobs as they stand. */
  private static final Duration ENDING_JOBS = Duration.ofSeconds(26);

  /** Longer than a connection is given to read what it is told. */
  private static final Duration CONNECTIONS = Duration.ofSeconds(7);

  private static final Duration SPOOL = Duration.ofSeconds(16);

  /** For what is closed after the node. */
  private static final Duration REST = Duration.ofSeconds(3);

  private final Vertx vertx;
  private final ProcessEngine engine;
  private final JobRegistry registry;
  private final EventBusAddresses bus;
  private final ServerContext room;
  private final Settings settings;
  private final Terms terms;
  private final Queue<String> deployments = new ConcurrentLinkedQueue<>();
  private final Queue<UnixSocket> sockets = new ConcurrentLinkedQueue<>();
  private volatile @Nullable NodeDialer dialer;
  private volatile @Nullable Cluster cluster;

  /**
   * Who a node is, and to whom it answers.
   *
   * @param address where it takes requests on the event bus
   * @param tcp how TCP peers are known
   * @param disk what of it goes to a disk
   */
  public record Terms(
      NodeIdentity identity, String address, Authentication tcp, AccessControl guard, Disk disk) {

    /** Of a node without a disk. */
    public Terms(NodeIdentity identity, String address, Authentication tcp, AccessControl guard) {
      this(identity, address, tcp, guard, new Disk(null, JobRecorder.NONE));
    }
  }

  /**
   * Who writes to disks.
   *
   * @param spooler of output; closed with the node; null: nobody
   * @param recorder of what people may want to look at later; stays its maker's
   */
  public record Disk(@Nullable SpoolThreads spooler, JobRecorder recorder) {}

  /** A node that nobody can reach yet. */
  public Node(Vertx vertx, ProcessEngine engine, Settings settings, Terms terms) {
    this.vertx = vertx;
    this.engine = engine;
    this.settings = settings;
    this.terms = terms;
    NodeIdentity identity = terms.identity();
    this.registry =
        new JobRegistry(
            identity, engine, settings.logMemory(), settings.jobLimits(), terms.disk().spooler());
    this.bus = new EventBusAddresses(vertx, terms.address(), identity.boot());
    this.room =
        new ServerContext(
            new JobService(registry, bus, terms.guard(), terms.disk().recorder()),
            settings.serverLimits(),
            new UnauthenticatedLimiter(settings.strangerLimits()),
            new AtomicInteger(),
            settings.unsent(),
            settings.partialFrames(),
            settings.sockets(),
            "runnel " + Version.text());
  }

  /** Takes up the jobs of earlier lives; before all else, and it blocks. */
  public void recover() throws SettingsException {
    try {
      registry.recover();
    } catch (IOException e) {
      throw SettingsException.config("cannot read the state folder: " + Reasons.of(e));
    }
  }

  /** Starts the workers; done when the event bus reaches them. */
  public Future<Void> start() {
    return naming(
            "start workers", WorkerPool.deploy(vertx, bus, room.gate()).map(deployments::addAll))
        .mapEmpty();
  }

  /** Opens a listener and says where it is, with the port that was picked. */
  public Future<ListenAddress> listen(ListenAddress where) {
    return naming(
        "listen on " + where,
        switch (where) {
          case ListenAddress.Tcp tcp -> open(tcp, terms.tcp());
          case ListenAddress.Unix unix ->
              listenOnUnix(unix, bound -> open(bound, new Authentication.ByUser()));
        });
  }

  /** Opens the seed listener and says where it is, with the port that was picked. */
  Future<ListenAddress> listenForSeed(ListenAddress.Tcp where) {
    long maxBytes = settings.limit(Limit.MAX_SEED_BYTES);
    return naming("listen on " + where, SeedListener.open(vertx, room, where, maxBytes))
        .map(
            listener -> {
              deployments.add(listener.deployment());
              return listener.listen();
            });
  }

  /** Opens the listener for frames of other nodes. */
  Future<ListenAddress> listenForNodes(ClusterOptions options) {
    ListenAddress.Tcp frames = options.frames();
    return naming(
        "listen on " + frames + " for other nodes",
        vertx.executeBlocking(() -> nodeAccess(options)).compose(access -> open(frames, access)));
  }

  private Authentication nodeAccess(ClusterOptions options) throws SettingsException {
    TlsFiles tls = options.tls();
    try {
      String secret = tls == null ? ClusterSecret.of(options.name()) : null;
      NodeDialer.Terms known =
          new NodeDialer.Terms(terms.identity().name(), options.name(), tls, secret);
      dialer = new NodeDialer(vertx, known);
      Authentication access = new Authentication.ByNode(options.name(), secret);
      return tls == null ? access : new Authentication.OverTls(ServerTls.of(tls), access);
    } catch (TlsException e) {
      throw SettingsException.config("TLS of the cluster: " + e.getMessage());
    } catch (IOException e) {
      throw SettingsException.config("the cluster's secret: " + Reasons.of(e));
    }
  }

  /** Joins a cluster, or begins one; blocks. */
  void join(ClusterOptions options) throws SettingsException {
    Cluster.Joiner joiner =
        new Cluster.Joiner(
            terms.identity(),
            Version.text(),
            options.frames(),
            () -> new Cluster.Having(registry.count(), registry.room(), registry.isClosing()),
            registry.limits().keep());
    try {
      Cluster joined = Cluster.join(options, joiner);
      cluster = joined;
      registry.nameByNode();
      room.gate()
          .onOver(
              job -> {
                if (job.refusal() == null) {
                  joined.ended(job.id(), registry.keep(job));
                } else {
                  joined.release(job.id());
                }
              });
      room.cluster().set(new ClusterMember(joined, Objects.requireNonNull(dialer)));
    } catch (ClusterException e) {
      throw SettingsException.config(String.valueOf(e.getMessage()));
    }
  }

  /** Leaves the cluster, if it is in one; blocks for so long at most. */
  void leave(Duration patience) throws InterruptedException {
    Cluster joined = cluster;
    if (joined != null) {
      Thread leaving = Thread.ofPlatform().daemon().name("runnel-leave").start(joined::close);
      if (!leaving.join(patience)) {
        LOG.warn("the cluster was not left after_ms={}", patience.toMillis());
      }
    }
  }

  /** Opens the HTTP listener and says where it is, with the port that was picked. */
  Future<ListenAddress> listenForHttp(ListenAddress where, HttpWiring wiring) {
    return naming(
        "listen on " + where,
        switch (where) {
          case ListenAddress.Tcp tcp -> openHttp(tcp, wiring);
          case ListenAddress.Unix unix -> listenOnUnix(unix, bound -> openHttp(bound, wiring));
        });
  }

  private Future<ListenAddress> openHttp(ListenAddress where, HttpWiring wiring) {
    return wiring
        .open(vertx, where)
        .map(
            listener -> {
              deployments.add(listener.deployment());
              return listener.listen();
            });
  }

  // For the HTTP listener.

  ServerContext room() {
    return room;
  }

  EventBusAddresses bus() {
    return bus;
  }

  ProcessEngine engine() {
    return engine;
  }

  JobRegistry registry() {
    return registry;
  }

  Terms terms() {
    return terms;
  }

  private Future<ListenAddress> listenOnUnix(
      ListenAddress.Unix unix, Function<ListenAddress, Future<ListenAddress>> open) {
    return vertx
        .executeBlocking(() -> UnixSocket.prepare(unix.path()))
        .compose(
            socket -> {
              sockets.add(socket);
              return open.apply(new ListenAddress.Unix(socket.bindPath()))
                  .compose(_ -> vertx.executeBlocking(() -> publish(socket, unix)));
            });
  }

  private static ListenAddress publish(UnixSocket socket, ListenAddress.Unix told)
      throws SettingsException {
    try {
      socket.publish();
      return told;
    } catch (IOException e) {
      throw SettingsException.config("cannot listen on " + told + ": " + Reasons.of(e));
    }
  }

  private Future<ListenAddress> open(ListenAddress address, Authentication access) {
    return FrameListener.open(vertx, room, address, access, settings.verticles())
        .map(
            listener -> {
              deployments.add(listener.deployment());
              return listener.listen();
            });
  }

  /** Refuses new jobs as unavailable; done when the last of those there are has ended. */
  public Future<Void> drain() {
    return Future.fromCompletionStage(registry.drain());
  }

  /** How many jobs have not ended. */
  int jobs() {
    return registry.count();
  }

  /** Gives no more grace to jobs that are being ended. */
  void hurry() {
    registry.hurry();
  }

  /**
   * Ends every job, lets the followers hear of it, and closes all connections; in half a minute,
   * whatever hangs. Succeeds even if some of that could not be done. The engine is to be closed
   * after it.
   */
  public Future<Void> stop() {
    return stop(Deadline.in(Deadline.ENDING));
  }

  Future<Void> stop(Deadline deadline) {
    Future<?> hidden =
        deadline.cut(vertx.executeBlocking(this::deleteSockets), HIDING, Duration.ZERO);
    return hidden
        .eventually(() -> told("stopped before all jobs had ended", closeRegistry(deadline)))
        .eventually(() -> told("not all was undeployed", undeploy(deadline)))
        .eventually(() -> told("spool not closed", closeSpooler(deadline)))
        .onComplete(_ -> bus.close())
        .transform(_ -> Future.succeededFuture());
  }

  private Future<Void> closeRegistry(Deadline deadline) {
    Future<Void> closed = Future.fromCompletionStage(registry.close(), vertx.getOrCreateContext());
    return deadline.cut(closed, ENDING_JOBS, CONNECTIONS);
  }

  // Here, as nobody hears of what was done eventually.
  private static Future<Void> told(String what, Future<?> future) {
    return future.<Void>mapEmpty().onFailure(e -> LOG.warn("{} cause={}", what, e.toString()));
  }

  private Future<Void> closeSpooler(Deadline deadline) {
    return deadline.cut(vertx.executeBlocking(this::closeSpooler), SPOOL, REST);
  }

  private Boolean closeSpooler() throws IOException {
    SpoolThreads spooler = terms.disk().spooler();
    if (spooler != null) {
      spooler.close();
    }
    return true;
  }

  private Boolean deleteSockets() {
    sockets.forEach(UnixSocket::delete);
    return true;
  }

  private Future<?> undeploy(Deadline deadline) {
    return Future.join(deployments.stream().map(id -> undeploy(id, deadline)).toList());
  }

  // A Vertx that is being closed undeploys them, too: they may be gone, or go in this moment.
  private Future<?> undeploy(String id, Deadline deadline) {
    return deadline
        .cut(vertx.undeploy(id), CONNECTIONS, REST)
        .recover(
            e ->
                e instanceof IllegalStateException || !vertx.deploymentIDs().contains(id)
                    ? Future.succeededFuture()
                    : Future.failedFuture(e));
  }

  private static <T> Future<T> naming(String what, Future<T> future) {
    return future.recover(
        cause ->
            Future.failedFuture(
                cause instanceof SettingsException
                    ? cause
                    : SettingsException.config("cannot " + what + ": " + NetworkReason.of(cause))));
  }
}
