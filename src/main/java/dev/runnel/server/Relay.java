package dev.runnel.server;

import dev.runnel.model.Caller;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.Event;
import dev.runnel.model.JobId;
import dev.runnel.model.Request;
import dev.runnel.wire.EventDecoder;
import dev.runnel.wire.EventEncoder;
import dev.runnel.wire.Frame;
import dev.runnel.wire.Header;
import dev.runnel.wire.ProtocolException;
import dev.runnel.wire.RequestEncoder;
import dev.runnel.wire.vertx.FrameDecoder;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.net.NetSocket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a client's connection asks of one other node, over a connection of its own to it: headers
 * and bodies go as they are, in both directions. It reads from the node only while the client's
 * transport has room, and keeps no output. If the connection breaks it is made anew, and goes on at
 * the byte where it was, until the node is known to be lost. On the event loop of the client's
 * connection.
 */
final class Relay implements FrameDecoder.Output {
  private static final Logger LOG = LoggerFactory.getLogger(Relay.class);

  private static final long BEAT_MILLIS = 2_000;
  private static final int MAX_SILENT = 3;
  private static final long FIRST_PAUSE_MILLIS = 20;
  private static final long MAX_PAUSE_MILLIS = 1_000;

  /** Longer than it takes until a node is lost. */
  private static final long PATIENCE_NANOS = 60_000_000_000L;

  /** So much waits for a connection that is about to be there. */
  private static final int MAX_EARLY_BYTES = 256 * 1024;

  private static final long NO_TIMER = -1;
  private static final byte[] GAP_BYTES = "\"gap_bytes\":".getBytes(StandardCharsets.US_ASCII);

  private final Vertx vertx;
  private final ClusterMember cluster;
  private final NodeAddress node;
  private final Client client;
  private final Map<String, Relayed> requests = new LinkedHashMap<>();
  private final ArrayDeque<Early> early = new ArrayDeque<>();
  private final String own = "relay-" + UUID.randomUUID();
  private final ClusterView.Watch watch;
  private FrameDecoder decoder = new FrameDecoder(this);
  private @Nullable NetSocket socket;
  private String why = "it could not be reached";
  private long timer = NO_TIMER;
  private long pauseMillis;
  private long brokenSince = System.nanoTime();
  private int earlyBytes;
  private int asked;
  private int silent;
  private boolean open;
  private boolean paused;
  private boolean over;

  /** Whose requests are passed on. */
  interface Client {
    Caller caller();

    /** Passes a frame on; it is output, which waits for room, or it is not. */
    void pass(byte[] header, byte[] body, boolean isOutput);

    void answer(@Nullable String id, Event event);

    /** Has what was passed on sent. */
    void flush();

    /** Whether the transport takes more output. */
    boolean hasRoom();

    void execute(Runnable task);

    /** The job of a run is known. */
    void started(Relay relay, Relayed request, JobId job);

    /** It was answered in full, or is about to be. */
    void done(Relayed request);

    /** Whether it is asked elsewhere instead. */
    boolean goesElsewhere(Relayed request, Header error);

    /** A frame of an answer to a question of the door's own. */
    void own(Relay relay, Header header, byte[] body);

    /** Its requests may be read again. */
    void readSoon();
  }

  /** What waits for the connection: a request, or a notice's bytes. */
  @SuppressWarnings("ArrayRecordComponent") // Sent, never compared.
  private record Early(@Nullable Relayed request, byte[] frame) {}

  Relay(Vertx vertx, ClusterMember cluster, NodeAddress node, Client client) {
    this.vertx = vertx;
    this.cluster = cluster;
    this.node = node;
    this.client = client;
    connect();
    this.watch =
        cluster.view().onGone(node.boot(), () -> client.execute(() -> lose("it was lost")));
  }

  NodeAddress node() {
    return node;
  }

  boolean isOver() {
    return over;
  }

  /** Whether no more is to be asked until the node has taken some. */
  boolean isFull() {
    NetSocket to = socket;
    return !over && (earlyBytes > MAX_EARLY_BYTES || (open && to != null && to.writeQueueFull()));
  }

  static byte[] join(byte[] header, byte[] body) {
    byte[] frame = Arrays.copyOf(header, header.length + body.length);
    System.arraycopy(body, 0, frame, header.length, body.length);
    return frame;
  }

  private static String key(@Nullable String id) {
    return id == null ? RequestHandler.NO_ID : id;
  }

  // What the client asks.

  void send(Relayed request) {
    requests.put(key(request.id()), request);
    byte[] frame = join(request.header(), request.body());
    if (open) {
      request.sent();
      write(frame);
    } else {
      // Another node may have been sent it before.
      request.waits();
      wait(new Early(request, frame));
    }
  }

  /** Asks something of its own; {@link Client#own} has the answer. */
  void ask(Request request) {
    String id = own + "-" + asked++;
    byte[] frame = RequestEncoder.encode(id, request);
    send(new Relayed(id, request, frame, new byte[0]));
  }

  void stdin(Relayed runner, Request.Stdin notice, byte[] header) {
    boolean mayGo = runner.keep(notice);
    notice(runner, mayGo, join(header, notice.bytes()));
  }

  void ack(Relayed follower, long offset, byte[] header) {
    follower.acked(offset);
    notice(follower, true, header);
  }

  private void notice(Relayed about, boolean mayGo, byte[] frame) {
    if (open && mayGo) {
      write(frame);
    } else if (!open && !about.isSent()) {
      wait(new Early(null, frame));
    }
  }

  private void wait(Early what) {
    early.add(what);
    earlyBytes += what.frame().length;
  }

  private void write(byte[] frame) {
    NetSocket to = socket;
    if (to != null) {
      var _ = to.write(Buffer.buffer(frame));
    }
  }

  // The connection.

  private void connect() {
    timer = NO_TIMER;
    if (over) {
      return;
    }
    cluster
        .dialer()
        .connect(node)
        .onComplete(
            connected -> {
              if (connected.failed()) {
                broken(String.valueOf(connected.cause().getMessage()));
              } else if (over) {
                close(connected.result());
              } else {
                greet(connected.result());
              }
            });
  }

  private void greet(NetSocket made) {
    socket = made;
    decoder = new FrameDecoder(this);
    paused = false;
    silent = 0;
    made.handler(bytes -> received(made, bytes));
    made.exceptionHandler(e -> LOG.debug("relay failed node={} cause={}", node, e.toString()));
    made.closeHandler(
        _ -> {
          if (made == socket) {
            broken("the connection was closed");
          }
        });
    made.drainHandler(_ -> client.readSoon());
    Caller whom = client.caller();
    NodeDialer us = cluster.dialer();
    Caller relayed = new Caller(whom.principal(), whom.source(), whom.via(), us.node());
    write(RequestEncoder.encode(null, new Request.Hello(1, us.secret(), null, relayed)));
    beatLater();
  }

  private void received(NetSocket from, Buffer bytes) {
    if (from != socket || over) {
      return;
    }
    silent = 0;
    decoder.handle(bytes);
    client.flush();
    throttle();
  }

  private void throttle() {
    NetSocket from = socket;
    if (from != null && !paused && !client.hasRoom()) {
      paused = true;
      from.pause();
    }
  }

  /** The client's transport has taken something. */
  void goOn() {
    NetSocket from = socket;
    if (from != null && paused && client.hasRoom()) {
      paused = false;
      silent = 0;
      from.resume();
    }
  }

  private void beatLater() {
    timer = vertx.setTimer(BEAT_MILLIS, _ -> client.execute(this::beat));
  }

  private void beat() {
    if (over || socket == null) {
      return;
    }
    if (!paused && ++silent > MAX_SILENT) {
      close(socket);
      broken("nothing was heard of it");
      return;
    }
    if (open && !paused) {
      write(RequestEncoder.encode(own, new Request.Ping()));
    }
    beatLater();
  }

  private void opened() {
    open = true;
    pauseMillis = 0;
    List<Relayed> before = new ArrayList<>(requests.values());
    for (Relayed request : before) {
      if (request.isSent()) {
        resume(request);
      }
    }
    for (Early each = early.poll(); each != null; each = early.poll()) {
      if (each.request() != null) {
        each.request().sent();
      }
      write(each.frame());
    }
    earlyBytes = 0;
    client.readSoon();
  }

  private void resume(Relayed request) {
    byte[] again = request.again();
    if (again != null) {
      write(again);
    } else {
      fail(request, "the connection to node " + node.name() + " broke: " + unknown(request));
    }
  }

  private static String unknown(Relayed request) {
    return request.request() instanceof Request.Run
        ? "the command may have run"
        : "it is not known whether that was done";
  }

  private void broken(String reason) {
    if (over) {
      return;
    }
    if (socket != null || open) {
      brokenSince = System.nanoTime();
      LOG.debug("relay broken node={} reason={}", node.name(), reason);
    }
    why = reason;
    socket = null;
    open = false;
    decoder.stop();
    cancelTimer();
    if (System.nanoTime() - brokenSince > PATIENCE_NANOS) {
      giveUp();
      return;
    }
    long pause = Math.max(1, pauseMillis);
    pauseMillis = Math.min(MAX_PAUSE_MILLIS, Math.max(FIRST_PAUSE_MILLIS, 2 * pauseMillis));
    timer = vertx.setTimer(pause, _ -> client.execute(this::connect));
  }

  private void cancelTimer() {
    if (timer != NO_TIMER) {
      vertx.cancelTimer(timer);
      timer = NO_TIMER;
    }
  }

  private static void close(@Nullable NetSocket made) {
    if (made != null) {
      var _ = made.close();
    }
  }

  // What the node answers.

  @Override
  public void failed(ProtocolException mistake) {
    LOG.warn("relay damaged node={} cause={}", node.name(), mistake.getMessage());
    NetSocket from = socket;
    socket = null;
    close(from);
    broken("what came is no frame");
  }

  @Override
  public void frame(Frame frame) {
    if (over) {
      return;
    }
    try {
      take(frame.header(), frame.body());
    } catch (ProtocolException e) {
      failed(e);
    }
  }

  private void take(Header header, byte[] body) throws ProtocolException {
    String id = header.id();
    if (id != null && id.equals(own)) {
      return;
    }
    Relayed request = open ? requests.get(key(id)) : null;
    if (request == null) {
      takeOther(EventDecoder.decode(header));
    } else if (isOwn(request)) {
      if (isFinal(header)) {
        requests.remove(key(id));
      }
      client.own(this, header, body);
    } else {
      take(request, header, body);
    }
  }

  private static boolean isFinal(Header header) throws ProtocolException {
    Event event = EventDecoder.decode(header);
    return event != null && event.isFinal();
  }

  private void takeOther(@Nullable Event event) {
    if (event instanceof Event.Hello hello && !open) {
      if (hello.boot().equals(node.boot())) {
        opened();
      } else {
        lose("it was started anew");
      }
    } else if (event instanceof Event.Failed failed && (failed.closes() || !open)) {
      NetSocket from = socket;
      socket = null;
      close(from);
      broken(failed.message());
    }
  }

  private void take(Relayed request, Header header, byte[] body) throws ProtocolException {
    Event event = EventDecoder.decode(header);
    switch (event) {
      case Event.Output output -> output(request, output, header, body);
      case Event.Started started -> started(request, started, header);
      case Event.Gap gap -> gap(request, gap);
      case Event.StdinAck ack -> {
        request.stdinTaken(ack.offset());
        resumeStdin(request);
        client.pass(header.frameText(), body, false);
      }
      case Event.StdinClosed _ -> {
        request.stdinClosed();
        client.pass(header.frameText(), body, false);
      }
      case Event.Exited _ when !request.tellsExit() -> {}
      case Event.Final last -> last(request, last, header, body);
      case null, default -> client.pass(header.frameText(), body, false);
    }
  }

  private void started(Relayed request, Event.Started started, Header header) {
    boolean first = !request.isStarted();
    request.started(started);
    if (first) {
      client.started(this, request, started.job());
      client.pass(header.frameText(), new byte[0], false);
    }
  }

  private void output(Relayed request, Event.Output output, Header header, byte[] body) {
    int known = request.duplicate(output.offset(), body.length);
    if (known == 0) {
      request.output(output.stream(), body, 0);
      client.pass(header.frameText(), body, true);
    } else if (known < body.length) {
      request.output(output.stream(), body, known);
      byte[] rest = Arrays.copyOfRange(body, known, body.length);
      Event.Output later = new Event.Output(output.job(), output.stream(), output.offset() + known);
      client.pass(EventEncoder.encode(request.id(), later, rest.length), rest, true);
    }
  }

  private void gap(Relayed request, Event.Gap gap) {
    long from = Math.max(gap.from(), request.next());
    if (from < gap.to()) {
      request.gap(from, gap.to());
      client.answer(request.id(), new Event.Gap(gap.job(), from, gap.to()));
    }
  }

  private void resumeStdin(Relayed request) {
    for (Request.Stdin notice : request.resumeStdin()) {
      write(RequestEncoder.encode(null, notice));
    }
  }

  private void last(Relayed request, Event.Final last, Header header, byte[] body) {
    if (last instanceof Event.Failed && !request.isStarted()) {
      requests.remove(key(request.id()));
      if (client.goesElsewhere(request, header)) {
        return;
      }
    }
    requests.remove(key(request.id()));
    client.done(request);
    byte[] text = header.frameText();
    client.pass(
        last instanceof Event.Ended ended && request.gapsOfBefore() > 0
            ? withGaps(text, ended.gapBytes() + request.gapsOfBefore())
            : text,
        body,
        false);
  }

  // The node counts from where it was asked to go on.
  private static byte[] withGaps(byte[] text, long gapBytes) {
    byte[] header = Arrays.copyOfRange(text, 4, text.length);
    int at = indexOf(header, GAP_BYTES) + GAP_BYTES.length;
    int end = at;
    while (header[end] >= '0' && header[end] <= '9') {
      end++;
    }
    byte[] number = String.valueOf(gapBytes).getBytes(StandardCharsets.US_ASCII);
    byte[] made = new byte[4 + at + number.length + header.length - end];
    System.arraycopy(header, 0, made, 4, at);
    System.arraycopy(number, 0, made, 4 + at, number.length);
    System.arraycopy(header, end, made, 4 + at + number.length, header.length - end);
    int length = made.length - 4;
    for (int i = 0; i < 4; i++) {
      made[i] = (byte) (length >>> (8 * i));
    }
    return made;
  }

  private static int indexOf(byte[] text, byte[] part) {
    for (int i = 0; i + part.length <= text.length; i++) {
      if (Arrays.equals(text, i, i + part.length, part, 0, part.length)) {
        return i;
      }
    }
    throw new IllegalArgumentException("an end without gap_bytes");
  }

  // How it ends.

  /** The node is gone, and all that it had begun. */
  private void lose(String reason) {
    if (over) {
      return;
    }
    String principal = client.caller().principal();
    List<Relayed> all = end();
    for (Relayed request : all) {
      if (isOwn(request)) {
        continue;
      }
      JobId job = request.job();
      client.done(request);
      if (job == null) {
        client.answer(
            request.id(),
            new Event.Failed(
                ErrorCode.UNAVAILABLE,
                "node " + node.name() + ": " + reason + "; " + unknown(request),
                null));
      } else if (request.isFollow()) {
        client.answer(request.id(), request.lost(job));
      } else {
        client.answer(request.id(), Relayed.ofLost(request.request(), job, principal));
      }
    }
    client.flush();
    client.readSoon();
  }

  // It is there, and cannot be reached.
  private void giveUp() {
    for (Relayed request : end()) {
      fail(request, "node " + node.name() + " cannot be reached: " + why);
    }
    client.flush();
    client.readSoon();
  }

  private void fail(Relayed request, String message) {
    requests.remove(key(request.id()));
    if (!isOwn(request)) {
      client.done(request);
      client.answer(request.id(), new Event.Failed(ErrorCode.UNAVAILABLE, message, request.job()));
    }
  }

  private boolean isOwn(Relayed request) {
    return request.id() != null && request.id().startsWith(own);
  }

  private List<Relayed> end() {
    close();
    List<Relayed> all = new ArrayList<>(requests.values());
    requests.clear();
    return all;
  }

  /** The client is gone. Idempotent; nobody is told. */
  void close() {
    if (!over) {
      over = true;
      open = false;
      watch.cancel();
      cancelTimer();
      decoder.stop();
      early.clear();
      earlyBytes = 0;
      NetSocket from = socket;
      socket = null;
      close(from);
    }
  }
}
