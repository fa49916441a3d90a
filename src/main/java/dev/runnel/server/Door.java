package dev.runnel.server;

import dev.runnel.job.RejectedException;
import dev.runnel.model.Caller;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.Event;
import dev.runnel.model.JobId;
import dev.runnel.model.JobStatus;
import dev.runnel.model.Placement;
import dev.runnel.model.Request;
import dev.runnel.wire.EventDecoder;
import dev.runnel.wire.EventEncoder;
import dev.runnel.wire.Header;
import dev.runnel.wire.ProtocolException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * What a client's connection does in a cluster: it finds the node that each request is for, and
 * passes it on to that one. What is for this node it leaves to the request handler. On the
 * connection's event loop. PROTOCOL.md, "Requests".
 */
final class Door implements Relay.Client {
  private static final long LIST_MILLIS = 2_000;
  private static final long CLAIM_MILLIS = 12_000;

  private final ServerContext room;
  private final ClusterMember cluster;
  private final PeerIdentity peer;
  private final ServerConnection connection;
  private final RequestHandler here;

  /** By boot. */
  private final Map<String, Relay> relays = new LinkedHashMap<>();

  private final Map<String, Link> follows = new HashMap<>();
  private final Map<JobId, Link> runners = new HashMap<>();

  /** Where else a run may go that names no node. */
  private final Map<String, NodeAddress> others = new HashMap<>();

  private @Nullable Listing listing;

  private record Link(Relay relay, Relayed request) {}

  /** A request as it came. */
  @SuppressWarnings("ArrayRecordComponent") // Passed on, never compared.
  record Asked(@Nullable String id, Request request, Header header, byte[] body) {
    Relayed relayed() {
      return new Relayed(id, request, header.frameText(), body);
    }
  }

  /** Jobs of all nodes, as they come. */
  private static final class Listing {
    private final @Nullable String id;
    private final Set<Relay> waiting = new HashSet<>();
    private final List<String> missing = new ArrayList<>();
    private int left;
    private int heard;
    private long timer;
    private boolean ownOver;

    Listing(@Nullable String id, int limit) {
      this.id = id;
      this.left = limit;
    }
  }

  Door(
      ServerContext room,
      ClusterMember cluster,
      PeerIdentity peer,
      ServerConnection connection,
      RequestHandler here) {
    this.room = room;
    this.cluster = cluster;
    this.peer = peer;
    this.connection = connection;
    this.here = here;
  }

  private ClusterView view() {
    return cluster.view();
  }

  private boolean isOwn(String boot) {
    return room.gate().node().boot().equals(boot);
  }

  /**
   * Passes a request on that is not for this node, or finds out for which it is.
   *
   * @return false: it is for this node
   * @throws RejectedException if it is for none
   */
  boolean takes(Asked asked) throws RejectedException {
    if (peer.isNode()) {
      return asked.request() instanceof Request.Run run && claims(asked, run);
    }
    return switch (asked.request()) {
      case Request.Run run -> takes(asked, run);
      case Request.Attach attach -> finds(asked, attach.job(), attach.boot());
      case Request.SendSignal(JobId job, _) -> finds(asked, job, null);
      case Request.Cancel(JobId job, _) -> finds(asked, job, null);
      case Request.Forget(JobId job) -> finds(asked, job, null);
      case Request.Resize(JobId job, _) -> finds(asked, job, null);
      case Request.Status(JobId job) -> finds(asked, job, null);
      case Request.Detach(String follow, _) -> {
        Link link = follows.get(RequestHandler.key(follow));
        if (link != null) {
          pass(asked, link.relay());
        }
        yield link != null;
      }
      // What is watched is this node's alone.
      case Request.Jobs jobs when jobs.watch() -> false;
      case Request.Jobs jobs -> lists(asked, jobs);
      case Request.Hello _, Request.Nodes _, Request.Ping _, Request.Notice _ -> false;
    };
  }

  /** Whether the notice was for another node. */
  boolean takes(Request.Notice notice, Header header) {
    switch (notice) {
      case Request.Stdin stdin -> {
        Link link = runners.get(stdin.job());
        if (link != null) {
          link.relay().stdin(link.request(), stdin, header.frameText());
        }
        return link != null;
      }
      case Request.Ack(String follow, long offset) -> {
        Link link = follows.get(RequestHandler.key(follow));
        if (link != null) {
          link.relay().ack(link.request(), offset, header.frameText());
        }
        return link != null;
      }
      case Request.Pong _ -> {
        return false;
      }
    }
  }

  // Runs.

  private boolean takes(Asked asked, Request.Run run) throws RejectedException {
    String boot = run.boot();
    if (boot != null && !isOwn(boot) && !view().knows(boot)) {
      return false;
    }
    JobId job = run.job();
    if (job != null && runners.containsKey(job)) {
      pass(asked, runners.get(job).relay());
      return true;
    }
    if (job != null && room.gate().knows(job)) {
      return false;
    }
    NodeAddress node = placed(asked, run.placement());
    if (node == null || isOwn(node.boot())) {
      return claims(asked, run);
    }
    here.checkFollowers(run.spec().window());
    pass(asked, relay(node));
    return true;
  }

  // Null: it is for the one that is asked.
  private @Nullable NodeAddress placed(Asked asked, Placement placement) throws RejectedException {
    if (placement.isHere()) {
      return null;
    }
    if (placement.isOpen()) {
      List<NodeAddress> choice = view().choose(placement.where());
      if (choice.isEmpty()) {
        throw new RejectedException(
            ErrorCode.UNAVAILABLE, "where: no node that takes jobs has these labels");
      }
      if (choice.size() > 1) {
        others.put(RequestHandler.key(asked.id()), choice.get(1));
      }
      return choice.getFirst();
    }
    String name = String.valueOf(placement.node());
    NodeAddress node = view().named(name);
    if (node == null) {
      throw new RejectedException(
          ErrorCode.UNAVAILABLE, "node: " + name + " is not in the cluster (see runnel nodes)");
    }
    return node;
  }

  /** Takes a run's name in the cluster before it is run here; whether that takes a while. */
  private boolean claims(Asked asked, Request.Run run) throws RejectedException {
    JobId job = run.job();
    if (job == null || room.gate().knows(job)) {
      return false;
    }
    String doubt = view().uncertainty();
    if (doubt != null) {
      if (run.once() == null) {
        return false;
      }
      throw new RejectedException(ErrorCode.UNAVAILABLE, doubt);
    }
    if (view().makerOf(job) != null || view().isOfLost(job)) {
      throw new RejectedException(
          ErrorCode.BAD_REQUEST, "job: " + job + " (expected: no name of those that nodes make)");
    }
    JobPlace asPlace = place(run);
    connection.hold(
        view().claim(job, asPlace).timeout(CLAIM_MILLIS, TimeUnit.MILLISECONDS),
        found -> {
          JobPlace other = found.orElse(null);
          if (other == null || (isOwn(other.boot()) && room.gate().knows(job))) {
            here.runClaimed(asked, run, () -> releaseUnused(job));
          } else {
            existing(asked, run, asPlace, other);
          }
        },
        failure -> refuse(asked, failure, "the name could not be taken in the cluster"));
    return true;
  }

  // The same claim may have been another connection's, whose job has begun.
  private void releaseUnused(JobId job) {
    if (!room.gate().knows(job)) {
      view().release(job);
    }
  }

  private void existing(Asked asked, Request.Run run, JobPlace wanted, JobPlace found) {
    NodeAddress at = view().ofBoot(found.boot());
    boolean same = found.isSame(wanted);
    if (same && at != null && !isOwn(found.boot()) && !peer.isNode()) {
      pass(asked, relay(at));
    } else if (same && at == null && run.job() != null) {
      // Of one that was lost, or has left since: it was run.
      answer(asked.id(), Relayed.ofLost(run, run.job(), wanted.principal()));
    } else {
      answer(
          asked.id(),
          new Event.Failed(
              ErrorCode.JOB_EXISTS,
              "job: "
                  + run.job()
                  + (isOwn(found.boot()) ? " was run" : " exists on " + found.node()),
              run.job()));
    }
  }

  private JobPlace place(Request.Run run) {
    return new JobPlace(
        room.gate().node().name(),
        room.gate().node().boot(),
        peer.caller().principal(),
        run.once() == null ? "" : digest(run.once()));
  }

  private static String digest(String once) {
    try {
      MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
      return HexFormat.of().formatHex(sha256.digest(once.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A run that this node has no room for, and was to go wherever there is some. */
  boolean goesElsewhere(Asked asked) {
    NodeAddress other = others.remove(RequestHandler.key(asked.id()));
    if (other == null || isOwn(other.boot())) {
      return false;
    }
    pass(asked, relay(other));
    return true;
  }

  @Override
  public boolean goesElsewhere(Relayed request, Header error) {
    if (!(request.request() instanceof Request.Run run) || connection.isClosing()) {
      return false;
    }
    String code = codeOf(error);
    NodeAddress other = others.remove(RequestHandler.key(request.id()));
    if (ErrorCode.BUSY.wireName().equals(code) && other != null && !isOwn(other.boot())) {
      forget(request);
      Relay relay = relay(other);
      follow(relay, request);
      relay.send(request);
      return true;
    }
    if (ErrorCode.JOB_EXISTS.wireName().equals(code) && run.once() != null && run.job() != null) {
      return findsSame(request, run, run.job(), error);
    }
    return false;
  }

  // Another start by this name was first, on a node that the one asked cannot pass it on to.
  private boolean findsSame(Relayed request, Request.Run run, JobId job, Header error) {
    Link link = follows.get(RequestHandler.key(request.id()));
    Relay asked = link == null ? null : link.relay();
    JobPlace wanted = place(run);
    connection.hold(
        view().find(job),
        found -> {
          JobPlace place = found.filter(wanted::isSame).orElse(null);
          NodeAddress at = place == null ? null : view().ofBoot(place.boot());
          if (place != null && isOwn(place.boot())) {
            done(request);
            here.runAgain(request.id(), run);
          } else if (at != null && (asked == null || !at.equals(asked.node()))) {
            forget(request);
            Relay relay = relay(at);
            follow(relay, request);
            relay.send(request);
          } else {
            refused(request, error);
          }
        },
        _ -> refused(request, error));
    return true;
  }

  private void refused(Relayed request, Header error) {
    done(request);
    pass(error.frameText(), new byte[0], false);
  }

  private static @Nullable String codeOf(Header error) {
    try {
      return EventDecoder.decode(error) instanceof Event.Failed failed
          ? failed.code().wireName()
          : null;
    } catch (ProtocolException _) {
      return null;
    }
  }

  // Jobs that are there.

  private boolean finds(Asked asked, JobId job, @Nullable String boot) throws RejectedException {
    if (asked.request() instanceof Request.Attach attach) {
      here.checkFollowers(attach.window());
    }
    Link runner = runners.get(job);
    if (runner != null && boot == null) {
      pass(asked, runner.relay());
      return true;
    }
    if (boot == null ? room.gate().knows(job) : isOwn(boot) || !view().knows(boot)) {
      return false;
    }
    NodeAddress at = boot != null ? view().ofBoot(boot) : view().makerOf(job);
    if (at != null && !isOwn(at.boot())) {
      pass(asked, relay(at));
      return true;
    }
    if (boot == null && view().isOfLost(job)) {
      answer(asked.id(), Relayed.ofLost(asked.request(), job, peer.caller().principal()));
      return true;
    }
    if (at != null) {
      return false;
    }
    if (boot != null && view().isOfLost(job)) {
      answer(asked.id(), Relayed.ofLost(asked.request(), job, peer.caller().principal()));
      return true;
    }
    connection.hold(
        view().find(job),
        found -> found(asked, job, found.orElse(null)),
        failure -> refuse(asked, failure, "the job could not be looked up in the cluster"));
    return true;
  }

  private void found(Asked asked, JobId job, @Nullable JobPlace place) {
    NodeAddress at = place == null ? null : view().ofBoot(place.boot());
    if (place == null || isOwn(place.boot())) {
      here.answerHere(asked);
    } else if (at != null) {
      pass(asked, relay(at));
    } else if (place.principal().equals(peer.caller().principal())) {
      answer(asked.id(), Relayed.ofLost(asked.request(), job, place.principal()));
    } else {
      here.answerHere(asked);
    }
  }

  private void refuse(Asked asked, Throwable failure, String what) {
    Event.Failed refusal =
        failure instanceof RejectedException known
            ? new Event.Failed(known.code(), known.getMessage(), null)
            : new Event.Failed(ErrorCode.UNAVAILABLE, what + ": " + reason(failure), null);
    answer(asked.id(), refusal);
  }

  private static String reason(Throwable failure) {
    return failure instanceof TimeoutException
        ? "the members are changing, and no answer came in time"
        : String.valueOf(failure);
  }

  // Lists.

  private boolean lists(Asked asked, Request.Jobs jobs) {
    List<NodeAddress> nodes = view().addresses();
    if (nodes.stream().allMatch(node -> isOwn(node.boot()))) {
      return false;
    }
    Listing now = new Listing(asked.id(), jobs.limit());
    listing = now;
    for (NodeAddress node : nodes) {
      if (!isOwn(node.boot())) {
        Relay relay = relay(node);
        now.waiting.add(relay);
        relay.ask(jobs);
      }
    }
    awaitListing(now);
    here.listOwn(
        asked.id(),
        jobs,
        part -> listed(now, part),
        () -> {
          now.ownOver = true;
          endListing(now);
        });
    return true;
  }

  private void awaitListing(Listing now) {
    int before = now.heard;
    now.timer =
        connection.timer(
            LIST_MILLIS,
            () -> {
              if (listing == now && now.heard == before) {
                now.waiting.forEach(relay -> now.missing.add(relay.node().name()));
                now.waiting.clear();
                endListing(now);
              } else if (listing == now) {
                awaitListing(now);
              }
            });
  }

  @Override
  public void own(Relay relay, Header header, byte[] body) {
    Listing now = listing;
    if (now == null || !now.waiting.contains(relay)) {
      return;
    }
    now.heard++;
    try {
      Event event = EventDecoder.decode(header);
      if (event instanceof Event.JobsPart || event instanceof Event.JobsEnd) {
        listed(now, body);
      } else if (event instanceof Event.Final) {
        now.missing.add(relay.node().name());
      }
      if (event != null && event.isFinal()) {
        now.waiting.remove(relay);
      }
    } catch (ProtocolException _) {
      now.missing.add(relay.node().name());
      now.waiting.remove(relay);
    }
    endListing(now);
  }

  private void listed(Listing now, byte[] body) {
    if (listing != now || body.length <= 2 || now.left == 0) {
      return;
    }
    byte[] part = body;
    if (now.left < Request.Jobs.MAX_LIMIT) {
      try {
        List<JobStatus> all = EventDecoder.decodeStatuses(body);
        if (all.size() > now.left) {
          part = EventEncoder.encodeStatuses(all.subList(0, now.left)).getFirst();
        }
        now.left = Math.max(0, now.left - all.size());
      } catch (ProtocolException _) {
        return;
      }
    }
    connection.answer(now.id, new Event.JobsPart(), part);
  }

  private void endListing(Listing now) {
    if (listing == now && now.ownOver && now.waiting.isEmpty()) {
      listing = null;
      connection.cancelTimer(now.timer);
      byte[] nothing = "[]".getBytes(StandardCharsets.US_ASCII);
      connection.answer(now.id, new Event.JobsEnd(List.copyOf(now.missing)), nothing);
      connection.flush();
      connection.readSoon();
    }
  }

  boolean isListing() {
    return listing != null;
  }

  // Passing on.

  private Relay relay(NodeAddress node) {
    relays.values().removeIf(Relay::isOver);
    return relays.computeIfAbsent(
        node.boot(), _ -> new Relay(connection.vertx(), cluster, node, this));
  }

  private void pass(Asked asked, Relay relay) {
    Relayed request = asked.relayed();
    here.begin(asked.id());
    follow(relay, request);
    relay.send(request);
  }

  private void follow(Relay relay, Relayed request) {
    if (request.isFollow()) {
      Link link = new Link(relay, request);
      follows.put(RequestHandler.key(request.id()), link);
      JobId job = request.job();
      if (request.isRunner() && job != null) {
        runners.put(job, link);
      }
    }
  }

  private void forget(Relayed request) {
    Link link = follows.remove(RequestHandler.key(request.id()));
    JobId job = request.job();
    if (link != null && job != null) {
      runners.remove(job, link);
    }
  }

  /** How many jobs of other nodes are followed. */
  int followed() {
    return follows.size();
  }

  /** Whether no more requests are to be read for now. */
  boolean isFull() {
    return relays.values().stream().anyMatch(Relay::isFull);
  }

  /** The client's transport has taken something. */
  void goOn() {
    relays.values().forEach(Relay::goOn);
  }

  /** The client is gone. */
  void close() {
    listing = null;
    relays.values().forEach(Relay::close);
    relays.clear();
    follows.clear();
    runners.clear();
    others.clear();
  }

  @Override
  public Caller caller() {
    return peer.caller();
  }

  @Override
  public void pass(byte[] header, byte[] body, boolean isOutput) {
    connection.pass(header, body, isOutput);
  }

  @Override
  public void answer(@Nullable String id, Event event) {
    connection.answer(id, event);
  }

  @Override
  public void flush() {
    connection.flush();
  }

  @Override
  public boolean hasRoom() {
    return connection.hasRoom();
  }

  @Override
  public void execute(Runnable task) {
    connection.execute(task);
  }

  @Override
  public void started(Relay relay, Relayed request, JobId job) {
    others.remove(RequestHandler.key(request.id()));
    Link link = follows.get(RequestHandler.key(request.id()));
    if (request.isRunner() && link != null) {
      runners.put(job, link);
    }
  }

  @Override
  public void done(Relayed request) {
    forget(request);
    others.remove(RequestHandler.key(request.id()));
    here.end(request.id());
  }

  @Override
  public void readSoon() {
    connection.readSoon();
  }
}
