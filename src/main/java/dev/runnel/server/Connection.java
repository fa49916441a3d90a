package dev.runnel.server;

import dev.runnel.bus.StartJob;
import dev.runnel.job.BadNoticeException;
import dev.runnel.job.Job;
import dev.runnel.job.NotOffered;
import dev.runnel.job.RefusedException;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.Event;
import dev.runnel.model.JobId;
import dev.runnel.model.JobStatus;
import dev.runnel.model.NodeIdentity;
import dev.runnel.model.Request;
import dev.runnel.wire.EventEncoder;
import dev.runnel.wire.Frame;
import dev.runnel.wire.Header;
import dev.runnel.wire.Limits;
import dev.runnel.wire.ProtocolException;
import dev.runnel.wire.RequestDecoder;
import dev.runnel.wire.RequestException;
import dev.runnel.wire.vertx.FrameDecoder;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.net.NetSocket;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One connection: what its peer asks, in the order sent, and the turns of those it follows. All of
 * it on its event loop.
 */
final class Connection implements FrameDecoder.Output {
  private static final Logger LOG = LoggerFactory.getLogger(Connection.class);
  private static final byte[] NO_BODY = {};

  /** How long a peer may still read what was sent last. */
  private static final Duration LINGER = Duration.ofSeconds(1);

  /** How long the followers may still read when the server goes. */
  private static final Duration DRAIN = Duration.ofSeconds(5);

  /**
   * The key of the one request that may go without an id; nobody can send half a surrogate pair.
   */
  private static final String NO_ID = "\uD800";

  private final ServerRoom room;
  private final Peer peer;
  private final Context context;
  private final NetSocket netSocket;
  private final FrameSocket socket;
  private final FrameDecoder decoder = new FrameDecoder(this);
  private final FrameClock clock;
  private final Runnable onClosed;
  private final Promise<Void> gone = Promise.promise();

  private final Set<String> inFlight = new HashSet<>();
  private final Map<String, SocketFollower> followers = new HashMap<>();
  private final Map<JobId, SocketFollower> runners = new HashMap<>();
  private final ArrayDeque<SocketFollower> turns = new ArrayDeque<>();
  private boolean reading = true;
  private boolean draining;
  private boolean closing;

  Connection(ServerRoom room, Peer peer, Context context, NetSocket netSocket, Runnable onClosed) {
    this.room = room;
    this.peer = peer;
    this.context = context;
    this.netSocket = netSocket;
    this.onClosed = onClosed;
    this.socket = new FrameSocket(netSocket, room.unsent(), this::takenByTransport);
    this.clock = new FrameClock(context.owner(), peer.limits(room.limits()), this::tooSlow);
  }

  /** TLS is there, before the first byte that comes through it. */
  void secured(@Nullable X509Certificate certificate) {
    peer.secured(certificate);
    limitFrames();
  }

  // What a stranger sends must not take up memory.
  private void limitFrames() {
    decoder.limit(peer.isKnown() ? Limits.MAX_FRAME_BYTES : Limits.MAX_STRANGER_BYTES);
  }

  /** Begins to read. */
  void open() {
    limitFrames();
    netSocket.handler(this::received);
    netSocket.closeHandler(_ -> closed());
    netSocket.exceptionHandler(
        e ->
            LOG.debug(
                "connection failed peer={} cause={}", netSocket.remoteAddress(), e.toString()));
    if (!netSocket.remoteAddress().isDomainSocket()) {
      socket.keepAlive();
    }
    clock.awaitFirst();
  }

  /** Says why there is no place, and closes. */
  void turnAway(String why) {
    netSocket.handler(_ -> {});
    netSocket.closeHandler(_ -> closed());
    netSocket.exceptionHandler(_ -> {});
    end(new ProtocolException(ErrorCode.TOO_MANY_CONNECTIONS, why));
  }

  /** Closes if the token that let the peer in was taken back. */
  void endIfRevoked() {
    if (peer.isRevoked()) {
      end(new ProtocolException(ErrorCode.UNAUTHENTICATED, "token: revoked"));
    }
  }

  /** Lets a peer that reads hear how its jobs ended, and closes; done when that is done. */
  Future<Void> drain() {
    if (!closing) {
      draining = true;
      clock.linger(DRAIN, socket::close);
      closeIfDrained();
    }
    return gone.future();
  }

  private void closeIfDrained() {
    if (draining && !closing && followers.isEmpty() && socket.isAllTaken()) {
      endOutput();
    }
  }

  FrameSocket socket() {
    return socket;
  }

  /** Runs a task on the connection's event loop. Any thread. */
  void execute(Runnable task) {
    context.runOnContext(
        _ -> {
          try {
            task.run();
          } catch (RuntimeException e) {
            broken(e);
          }
        });
  }

  // What arrives.

  private void received(Buffer bytes) {
    if (closing) {
      return;
    }
    try {
      decoder.handle(bytes);
      watchFrame();
      flush();
    } catch (RuntimeException e) {
      broken(e);
    }
  }

  // Bytes of a peer that is not read may make a whole frame: it isn't the peer that is slow.
  private void watchFrame() {
    if (reading) {
      clock.sawBytes(decoder.isMidFrame());
    }
  }

  @Override
  public void frame(Frame frame) {
    try {
      take(frame.header(), frame.body());
      // A stranger's first frame is a hello that lets it in: until then its time runs.
      if (peer.isKnown() && !closing) {
        clock.sawFrame();
      }
    } catch (ProtocolException e) {
      end(e);
    }
    readOnlyIfRead();
  }

  @Override
  public void failed(ProtocolException mistake) {
    end(mistake);
  }

  private void take(Header header, byte[] body) throws ProtocolException {
    if (!peer.isKnown() && !"hello".equals(typeOf(header))) {
      throw new ProtocolException(
          ErrorCode.UNAUTHENTICATED, "hello with a token has to come first");
    }
    String id = header.id();
    try {
      Request request = RequestDecoder.decode(header, body);
      if (request instanceof Request.Notice notice) {
        notice(notice);
      } else {
        checkId(id);
        answerOrRefuse(id, request);
      }
    } catch (RequestException e) {
      checkId(id);
      answer(id, new Event.Failed(e.code(), e.getMessage(), null));
    }
  }

  private void answerOrRefuse(@Nullable String id, Request request) throws ProtocolException {
    try {
      request(id, request);
    } catch (RefusedException e) {
      answer(id, new Event.Failed(e.code(), e.getMessage(), jobOf(request)));
    }
  }

  private static @Nullable JobId jobOf(Request request) {
    return switch (request) {
      case Request.Run run -> run.job();
      case Request.SendSignal(JobId job, _) -> job;
      case Request.Cancel(JobId job) -> job;
      case Request.Resize(JobId job, _) -> job;
      case Request.Status(JobId job) -> job;
      case Request.Attach attach -> attach.job();
      case Request.Hello _, Request.Detach _, Request.Jobs _, Request.Ping _, Request.Notice _ ->
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

  private static String key(@Nullable String id) {
    return id == null ? NO_ID : id;
  }

  private void notice(Request.Notice notice) throws ProtocolException {
    try {
      pass(notice);
    } catch (BadNoticeException e) {
      throw new ProtocolException(ErrorCode.BAD_NOTICE, e.getMessage());
    }
  }

  private void pass(Request.Notice notice) throws BadNoticeException {
    switch (notice) {
      case Request.Stdin(JobId job, long offset, byte[] bytes, boolean eof) -> {
        SocketFollower runner = runners.get(job);
        if (runner != null) {
          runner.following().stdin(offset, bytes, eof);
        }
      }
      case Request.Ack(String follow, long offset) -> {
        SocketFollower follower = followers.get(key(follow));
        if (follower != null) {
          follower.following().ack(offset);
        }
      }
    }
  }

  private void request(@Nullable String id, Request request)
      throws ProtocolException, RefusedException {
    if (inFlight.size() >= room.limits().maxRequests()) {
      throw new RefusedException(
          ErrorCode.BUSY, "requests in flight: limit: " + room.limits().maxRequests());
    }
    NotOffered.check(request);
    switch (request) {
      case Request.Attach _, Request.Detach _ -> {}
      case Request.Hello hello -> hello(id, hello);
      case Request.Run run -> run(id, run);
      case Request.SendSignal(JobId job, var signal) ->
          answer(id, new Event.Ok(room.gate().signal(peer.caller(), job, signal)));
      case Request.Cancel(JobId job) -> cancel(id, job);
      case Request.Resize(JobId job, var size) ->
          answer(id, new Event.Ok(room.gate().resize(peer.caller(), job, size)));
      case Request.Status(JobId job) ->
          answer(id, new Event.Status(room.gate().status(peer.caller(), job)));
      case Request.Jobs(String prefix, var state, int limit) ->
          jobs(id, room.gate().list(peer.caller(), prefix, state, limit));
      case Request.Ping() -> answer(id, new Event.Pong());
      case Request.Notice _ -> throw new IllegalStateException("a notice is no request");
    }
  }

  private void hello(@Nullable String id, Request.Hello hello)
      throws ProtocolException, RefusedException {
    peer.hello(hello.token());
    limitFrames();
    NodeIdentity node = room.gate().node();
    answer(
        id,
        new Event.Hello(
            1,
            room.software(),
            node.name(),
            node.boot(),
            Limits.MAX_HEADER_BYTES,
            Limits.MAX_BODY_BYTES,
            ServerRoom.FEATURES));
  }

  private void run(@Nullable String id, Request.Run run) throws RefusedException {
    if (runners.size() >= room.limits().maxJobs()) {
      throw new RefusedException(
          ErrorCode.BUSY, "jobs of this connection: limit: " + room.limits().maxJobs());
    }
    StartJob start = room.gate().register(peer.caller(), run);
    Job job = start.job();
    SocketFollower follower = new SocketFollower(this, id, job, room.gate().node());
    inFlight.add(key(id));
    followers.put(key(id), follower);
    runners.put(job.id(), follower);
    LOG.debug("job registered job={} peer={}", job.id(), netSocket.remoteAddress());
    room.gate().start(start);
  }

  private void cancel(@Nullable String id, JobId job) throws RefusedException {
    room.gate()
        .cancel(
            peer.caller(),
            job,
            state ->
                execute(
                    () -> {
                      inFlight.remove(key(id));
                      answer(id, new Event.Ok(state));
                      flush();
                    }));
    inFlight.add(key(id));
  }

  private void jobs(@Nullable String id, List<JobStatus> statuses) {
    List<byte[]> bodies = EventEncoder.encodeStatuses(statuses);
    for (int i = 0; i < bodies.size(); i++) {
      boolean last = i == bodies.size() - 1;
      answer(id, last ? new Event.JobsEnd() : new Event.JobsPart(), bodies.get(i));
    }
  }

  // What is sent.

  void answer(@Nullable String id, Event event) {
    answer(id, event, NO_BODY);
  }

  private void answer(@Nullable String id, Event event, byte[] body) {
    if (!closing) {
      socket.answer(EventEncoder.encode(id, event, body.length), body);
    }
  }

  void queueTurn(SocketFollower follower) {
    turns.add(follower);
  }

  /** The follower's request was answered in full, or is about to be. */
  void forget(SocketFollower follower) {
    inFlight.remove(key(follower.id()));
    followers.remove(key(follower.id()));
    // Not its successor's: the name of a job that was refused is free at once.
    runners.remove(follower.following().job().id(), follower);
  }

  /** Gives turns as long as the transport may be handed more, then has it send. */
  void flush() {
    while (!closing && socket.unsentOutput() < room.limits().maxUnsentBytes()) {
      SocketFollower follower = turns.poll();
      if (follower == null) {
        break;
      }
      follower.takeTurn();
    }
    socket.flush();
  }

  private void takenByTransport() {
    if (!closing) {
      readOnlyIfRead();
      if (!turns.isEmpty()) {
        flush();
      }
      closeIfDrained();
    }
  }

  // The only reason not to read a peer: it asks and does not read the answers.
  private void readOnlyIfRead() {
    int limit = room.limits().maxUnreadBytes();
    if (reading && socket.unreadAnswers() > limit) {
      reading = false;
      clock.rest();
      decoder.pause();
      netSocket.pause();
    } else if (!reading && socket.unreadAnswers() <= limit / 2) {
      reading = true;
      netSocket.resume();
      execute(
          () -> {
            decoder.resume();
            watchFrame();
            flush();
          });
    }
  }

  // How it ends.

  private void tooSlow(String what) {
    peer.dawdled();
    end(new ProtocolException(ErrorCode.TOO_SLOW, what));
  }

  private void end(ProtocolException mistake) {
    if (closing) {
      return;
    }
    LOG.info(
        "connection refused peer={} code={} reason={}",
        netSocket.remoteAddress(),
        mistake.code().wireName(),
        oneLine(mistake.getMessage()));
    if (mistake.code() == ErrorCode.UNAUTHENTICATED && !peer.isKnown()) {
      // Whoever guesses has to wait for each answer, and so does its next guess.
      decoder.stop();
      clock.linger(peer.failed(), () -> endWith(mistake));
    } else {
      endWith(mistake);
    }
  }

  private void endWith(ProtocolException mistake) {
    answer(null, new Event.Failed(mistake.code(), mistake.getMessage(), null));
    endOutput();
  }

  // The peer may still be sending: closed at once, its unread bytes would reset the connection and
  // take with them what it has not read yet.
  private void endOutput() {
    decoder.stop();
    closing = true;
    leaveAll();
    if (!reading) {
      netSocket.resume();
    }
    socket.flush();
    socket.halfClose();
    clock.linger(LINGER, socket::close);
  }

  // A peer's words may be in it, and must not look like lines of the log's own.
  private static String oneLine(String text) {
    return text.replaceAll("\\p{IsControl}", "?");
  }

  private void broken(RuntimeException e) {
    LOG.error("connection broken peer={}", netSocket.remoteAddress(), e);
    socket.close();
  }

  private void closed() {
    if (!closing) {
      closing = true;
      LOG.debug("connection closed peer={}", netSocket.remoteAddress());
    }
    decoder.stop();
    clock.stop();
    peer.leave();
    leaveAll();
    onClosed.run();
    gone.complete();
  }

  private void leaveAll() {
    turns.clear();
    new ArrayList<>(followers.values()).forEach(SocketFollower::leave);
    followers.clear();
    runners.clear();
  }
}
