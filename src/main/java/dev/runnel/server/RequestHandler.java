package dev.runnel.server;

import dev.runnel.job.BadNoticeException;
import dev.runnel.job.Job;
import dev.runnel.job.RejectedException;
import dev.runnel.job.SubscribeOptions;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.Event;
import dev.runnel.model.JobId;
import dev.runnel.model.JobState;
import dev.runnel.model.NodeIdentity;
import dev.runnel.model.Placement;
import dev.runnel.model.Request;
import dev.runnel.service.JobListing;
import dev.runnel.service.JobLogLine;
import dev.runnel.service.JobService;
import dev.runnel.service.StartCommand;
import dev.runnel.wire.EventEncoder;
import dev.runnel.wire.Header;
import dev.runnel.wire.Limits;
import dev.runnel.wire.ProtocolException;
import dev.runnel.wire.RequestDecoder;
import dev.runnel.wire.RequestException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the peer of a connection asks, in the order sent: which requests are in flight, and what
 * each of them means. Owned by the connection, on its event loop. PROTOCOL.md, "Requests".
 */
final class RequestHandler {
  private static final Logger LOG = LoggerFactory.getLogger(RequestHandler.class);

  /**
   * The key of the one request that may go without an id; nobody can send half a surrogate pair.
   */
  static final String NO_ID = "\uD800";

  /** Lists that a connection may watch at once. */
  private static final int MAX_WATCHES = 4;

  private final ServerContext room;
  private final PeerIdentity peer;
  private final ServerConnection connection;

  private final Set<String> inFlight = new HashSet<>();
  private final Map<String, ConnectionSubscriber> followers = new HashMap<>();
  private final Map<JobId, ConnectionSubscriber> runners = new HashMap<>();
  private final Map<String, JobsWatchWriter> watches = new HashMap<>();
  private @Nullable JobListWriter listing;
  private @Nullable Door door;

  RequestHandler(ServerContext room, PeerIdentity peer, ServerConnection connection) {
    this.room = room;
    this.peer = peer;
    this.connection = connection;
  }

  /** Whether nothing is under way that its peer would have to hear the end of. */
  boolean isIdle() {
    return followers.isEmpty() && watches.isEmpty() && !isListing();
  }

  /**
   * Answers a request, or takes a notice.
   *
   * @throws ProtocolException if the connection can't go on
   */
  void take(Header header, byte[] body) throws ProtocolException {
    peer.checkQuota();
    if (!peer.isKnown() && !"hello".equals(typeOf(header))) {
      throw new ProtocolException(
          ErrorCode.UNAUTHENTICATED, "hello with a token has to come first");
    }
    String id = header.id();
    try {
      Request request = RequestDecoder.decode(header, body);
      if (request instanceof Request.Notice notice) {
        Door through = door();
        if (through == null || !through.takes(notice, header)) {
          take(notice);
        }
      } else {
        checkId(id);
        answerOrRefuse(new Door.Asked(id, request, header, body));
      }
    } catch (RequestException e) {
      checkId(id);
      connection.answer(id, new Event.Failed(e.code(), e.getMessage(), null));
    }
  }

  private void answerOrRefuse(Door.Asked asked) throws ProtocolException {
    try {
      checkRequests();
      Door through = door();
      if (through == null || !through.takes(asked)) {
        answer(asked);
      }
    } catch (RejectedException e) {
      refuse(asked.id(), asked.request(), e);
    }
  }

  private void refuse(@Nullable String id, Request request, RejectedException e) {
    connection.answer(id, new Event.Failed(e.code(), e.getMessage(), jobOf(request)));
  }

  // What a connection has of a cluster is made when it is first asked for anything.
  private @Nullable Door door() {
    ClusterMember cluster = room.cluster().get();
    if (door == null && cluster != null && peer.isKnown()) {
      door = new Door(room, cluster, peer, connection, this);
    }
    return door;
  }

  /** Answers a request that is for this node after all. */
  void answerHere(Door.Asked asked) {
    try {
      answer(asked);
    } catch (RejectedException e) {
      refuse(asked.id(), asked.request(), e);
    } catch (ProtocolException e) {
      connection.failed(e);
    }
  }

  /** Runs what has its name in the cluster now; if nothing begins, the name is to be given back. */
  void runClaimed(Door.Asked asked, Request.Run run, Runnable release) {
    try {
      run(asked.id(), run);
    } catch (RejectedException e) {
      release.run();
      refuseRun(asked, e);
    }
  }

  private void refuseRun(Door.Asked asked, RejectedException e) {
    Door through = door();
    boolean elsewhere =
        e.code() == ErrorCode.BUSY && through != null && through.goesElsewhere(asked);
    if (!elsewhere) {
      refuse(asked.id(), asked.request(), e);
    }
  }

  /** The same run has begun here meanwhile. */
  void runAgain(@Nullable String id, Request.Run run) {
    try {
      run(id, run);
    } catch (RejectedException e) {
      refuse(id, run, e);
    }
  }

  /** A request is in flight that another node answers. */
  void begin(@Nullable String id) {
    inFlight.add(key(id));
  }

  void end(@Nullable String id) {
    inFlight.remove(key(id));
  }

  /** Whether no more is to be read until another node has taken some. */
  boolean isFull() {
    return door != null && door.isFull();
  }

  static @Nullable JobId jobOf(Request request) {
    return switch (request) {
      case Request.Run run -> run.job();
      case Request.SendSignal(JobId job, _) -> job;
      case Request.Cancel(JobId job, _) -> job;
      case Request.Forget(JobId job) -> job;
      case Request.Resize(JobId job, _) -> job;
      case Request.Status(JobId job) -> job;
      case Request.Attach attach -> attach.job();
      case Request.Hello _,
          Request.Detach _,
          Request.Jobs _,
          Request.Nodes _,
          Request.Ping _,
          Request.Notice _ ->
          null;
    };
  }

  private static @Nullable String typeOf(Header header) {
    try {
      return header.string("type");
    } catch (RequestException _) {
      return null;
    }
  }

  private void checkId(@Nullable String id) throws ProtocolException {
    if (inFlight.contains(key(id))) {
      throw new ProtocolException(
          ErrorCode.DUPLICATE_ID,
          id == null ? "a second request without an id" : "id: " + id + " is in flight");
    }
  }

  static String key(@Nullable String id) {
    return id == null ? NO_ID : id;
  }

  private void take(Request.Notice notice) throws ProtocolException {
    try {
      pass(notice);
    } catch (BadNoticeException e) {
      throw new ProtocolException(ErrorCode.BAD_NOTICE, e.getMessage());
    }
  }

  private void pass(Request.Notice notice) throws BadNoticeException {
    switch (notice) {
      case Request.Stdin(JobId job, long offset, byte[] bytes, boolean eof) -> {
        ConnectionSubscriber runner = runners.get(job);
        if (runner != null) {
          runner.following().stdin(offset, bytes, eof);
        }
      }
      case Request.Pong _ -> {}
      case Request.Ack(String follow, long offset) -> {
        ConnectionSubscriber follower = followers.get(key(follow));
        if (follower != null) {
          follower.following().ack(offset);
        }
      }
    }
  }

  private void checkRequests() throws RejectedException {
    if (inFlight.size() >= room.limits().maxRequests()) {
      throw new RejectedException(
          ErrorCode.BUSY, "requests in flight: limit: " + room.limits().maxRequests());
    }
  }

  private void answer(Door.Asked asked) throws ProtocolException, RejectedException {
    String id = asked.id();
    JobService gate = room.gate();
    switch (asked.request()) {
      case Request.Hello hello -> hello(id, hello);
      case Request.Run run -> {
        try {
          run(id, run);
        } catch (RejectedException e) {
          refuseRun(asked, e);
        }
      }
      case Request.Attach attach -> attach(id, attach);
      case Request.Detach detach -> detach(id, detach);
      case Request.SendSignal(JobId job, var signal) ->
          connection.answer(id, new Event.Ok(gate.signal(peer.caller(), job, signal)));
      case Request.Cancel cancel -> cancel(id, cancel);
      case Request.Forget(JobId job) -> {
        gate.forget(peer.caller(), job);
        connection.answer(id, new Event.Ok(JobState.ENDED));
      }
      case Request.Resize(JobId job, var size) ->
          connection.answer(id, new Event.Ok(gate.resize(peer.caller(), job, size)));
      case Request.Status(JobId job) ->
          connection.answer(id, new Event.Status(gate.status(peer.caller(), job)));
      case Request.Nodes() -> nodes(id);
      case Request.Jobs jobs when jobs.watch() -> watch(id, jobs);
      case Request.Jobs jobs -> list(id, gate.list(peer.caller(), jobs));
      case Request.Ping() -> connection.answer(id, new Event.Pong());
      case Request.Notice _ -> throw new IllegalStateException("a notice is no request");
    }
  }

  private void hello(@Nullable String id, Request.Hello hello)
      throws ProtocolException, RejectedException {
    Duration wait = peer.beforeLook(hello.token());
    if (wait.isZero()) {
      greet(id, hello);
    } else {
      connection.hold(wait, () -> greetLater(id, hello));
    }
  }

  private void greetLater(@Nullable String id, Request.Hello hello) throws ProtocolException {
    try {
      greet(id, hello);
    } catch (RejectedException e) {
      connection.answer(id, new Event.Failed(e.code(), e.getMessage(), null));
    }
  }

  private void greet(@Nullable String id, Request.Hello hello)
      throws ProtocolException, RejectedException {
    peer.hello(hello);
    peer.checkQuota();
    connection.limitFrames();
    if (hello.heartbeat() != null) {
      connection.beat(hello.heartbeat());
    }
    NodeIdentity node = room.gate().node();
    connection.answer(
        id,
        new Event.Hello(
            1,
            room.software(),
            node.name(),
            node.boot(),
            Limits.MAX_HEADER_BYTES,
            Limits.MAX_BODY_BYTES,
            room.limits().maxRequests(),
            room.limits().maxJobs(),
            room.features()));
  }

  private void run(@Nullable String id, Request.Run run) throws RejectedException {
    checkFollowers(run.spec().window());
    checkPlacement(run.placement());
    StartCommand start = room.gate().register(peer.caller(), lifeChecked(run));
    SubscribeOptions how = SubscribeOptions.run(run.spec().window(), start.existence());
    room.gate().startFollowed(start, () -> follow(id, start.job(), how));
    JobLogLine.about(start.job(), LOG.atDebug())
        .log("job registered peer={}", connection.address());
  }

  // In a cluster the door has found the place.
  private void checkPlacement(Placement placement) throws RejectedException {
    String name = room.gate().node().name();
    String node = placement.node();
    boolean ours = node == null || node.equals(Placement.ANY) || node.equals(name);
    if (room.cluster().get() == null && (!ours || !placement.where().isEmpty())) {
      throw new RejectedException(
          ErrorCode.UNSUPPORTED,
          (ours ? "where" : "node: " + node) + ": this server, " + name + ", is in no cluster");
    }
  }

  // Of a run that another life began: in a cluster its name is known longer than its door.
  private Request.Run lifeChecked(Request.Run run) {
    ClusterMember cluster = room.cluster().get();
    String boot = run.boot();
    boolean known = cluster != null && boot != null && cluster.view().knows(boot);
    return known || peer.isNode() ? run.withBoot(null) : run;
  }

  private void attach(@Nullable String id, Request.Attach attach) throws RejectedException {
    checkFollowers(attach.window());
    follow(id, room.gate().attach(peer.caller(), attach), SubscribeOptions.of(attach));
  }

  // Who stops reading to slow its job down would not hear our pings either.
  void checkFollowers(OptionalLong window) throws RejectedException {
    if (window.isEmpty() && connection.beats()) {
      throw new RejectedException(
          ErrorCode.BAD_REQUEST, "window: missing (a client with heartbeats gives one)");
    }
    int elsewhere = door == null ? 0 : door.followed();
    if (followers.size() + elsewhere >= room.limits().maxJobs()) {
      throw new RejectedException(
          ErrorCode.BUSY, "jobs of this connection: limit: " + room.limits().maxJobs());
    }
  }

  private void follow(@Nullable String id, Job job, SubscribeOptions how) throws RejectedException {
    ConnectionSubscriber follower = new ConnectionSubscriber(connection, id);
    follower.follow(job, how, room.gate().node());
    inFlight.add(key(id));
    followers.put(key(id), follower);
    if (follower.following().isRunner()) {
      runners.put(job.id(), follower);
    }
  }

  private void detach(@Nullable String id, Request.Detach detach) throws RejectedException {
    String follow = detach.follow();
    JobsWatchWriter watch = watches.remove(key(follow));
    if (watch != null) {
      watch.close();
      inFlight.remove(key(follow));
      connection.answer(follow, new Event.Detached(Event.Detached.Reason.ASKED));
      connection.answer(id, new Event.Ok(JobState.ENDED));
      return;
    }
    ConnectionSubscriber follower = followers.get(key(follow));
    if (follower == null) {
      throw new RejectedException(
          ErrorCode.BAD_REQUEST,
          "follow: "
              + (follow == null ? "nothing goes without an id" : follow + " follows no job"));
    }
    follower.following().detach(detach.linger());
    connection.answer(id, new Event.Ok(follower.following().job().state()));
  }

  private void cancel(@Nullable String id, Request.Cancel cancel) throws RejectedException {
    inFlight.add(key(id));
    try {
      room.gate()
          .cancel(peer.caller(), cancel, state -> connection.execute(() -> canceled(id, state)));
    } catch (RejectedException e) {
      inFlight.remove(key(id));
      throw e;
    }
  }

  private void canceled(@Nullable String id, JobState state) {
    inFlight.remove(key(id));
    connection.answer(id, new Event.Ok(state));
    connection.flush();
  }

  /** Whether an answer is being made of which there is more: nothing is taken up meanwhile. */
  boolean isListing() {
    return (listing != null && !listing.isOver()) || (door != null && door.isListing());
  }

  /** Lists the jobs of this node as a part of a longer list. */
  void listOwn(@Nullable String id, Request.Jobs jobs, Consumer<byte[]> parts, Runnable onEnd) {
    JobListing own = room.gate().list(peer.caller(), jobs);
    listing = new JobListWriter(connection, id, own, new JobListWriter.Parts(parts, onEnd));
    listing.goOn();
  }

  private void list(@Nullable String id, JobListing jobs) {
    listing = new JobListWriter(connection, id, jobs);
    listing.goOn();
  }

  private void nodes(@Nullable String id) throws RejectedException {
    List<byte[]> bodies = EventEncoder.encodeNodes(cluster("nodes").nodes());
    for (byte[] body : bodies.subList(0, bodies.size() - 1)) {
      connection.answer(id, new Event.NodesPart(), body);
    }
    connection.answer(id, new Event.NodesEnd(), bodies.getLast());
  }

  private ClusterView cluster(String what) throws RejectedException {
    ClusterMember cluster = room.cluster().get();
    if (cluster == null) {
      throw new RejectedException(
          ErrorCode.UNSUPPORTED, what + ": this server is in no cluster (see --cluster-listen)");
    }
    return cluster.view();
  }

  private void watch(@Nullable String id, Request.Jobs which) throws RejectedException {
    if (watches.size() >= MAX_WATCHES) {
      throw new RejectedException(
          ErrorCode.BUSY, "jobs that are watched: limit: " + MAX_WATCHES + " lists");
    }
    JobsWatchWriter watch = new JobsWatchWriter(connection, id, room.gate(), peer.caller(), which);
    inFlight.add(key(id));
    watches.put(key(id), watch);
    watch.goOn();
  }

  /** Goes on with the answer that is being made. */
  void takeTurn() {
    List.copyOf(watches.values()).forEach(JobsWatchWriter::takeTurn);
    if (listing != null) {
      listing.takeTurn();
    }
  }

  /** The peer has read something. */
  void goOn() {
    List.copyOf(watches.values()).forEach(JobsWatchWriter::goOn);
    if (listing != null) {
      listing.goOn();
    }
    if (door != null) {
      door.goOn();
    }
  }

  /** The follower's request was answered in full, or is about to be. */
  void forget(ConnectionSubscriber follower) {
    inFlight.remove(key(follower.id()));
    followers.remove(key(follower.id()));
    // Not its successor's: the name of a job that was refused is free at once.
    runners.remove(follower.following().job().id(), follower);
  }

  /** The peer is gone. */
  void leaveAll() {
    new ArrayList<>(followers.values()).forEach(ConnectionSubscriber::leave);
    followers.clear();
    runners.clear();
    watches.values().forEach(JobsWatchWriter::close);
    watches.clear();
    if (listing != null) {
      listing.drop();
    }
    if (door != null) {
      door.close();
    }
  }
}
