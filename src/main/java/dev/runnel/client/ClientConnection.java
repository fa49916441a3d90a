package dev.runnel.client;

import dev.runnel.api.CommandException;
import dev.runnel.model.Event;
import dev.runnel.model.Request;
import dev.runnel.wire.EventDecoder;
import dev.runnel.wire.Frame;
import dev.runnel.wire.ProtocolException;
import dev.runnel.wire.RequestEncoder;
import dev.runnel.wire.vertx.FrameDecoder;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.net.NetClient;
import io.vertx.core.net.NetSocket;
import java.nio.channels.ClosedChannelException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * One connection to a node, which many share. It is theirs once the node has answered {@code
 * hello}: whatever ends it before proves that nothing of theirs was done. It is always read: each
 * follower's credit bounds what waits for it. On the pool's context; what others ask may come from
 * any thread, and keeps its order. PROTOCOL.md, "Connecting".
 */
final class ClientConnection implements FrameDecoder.Output {
  /** Vert.x counts from 0: that is somebody's. */
  static final long NO_TIMER = -1;

  private static final String HELLO = "hello";
  private static final int MAX_SILENT = 3;

  /** A node takes only so many starts at a time, of all its clients. */
  private static final int MAX_STARTING = 64;

  /** A sixteenth of what may be in flight is for signals and the like. */
  private static final int SHARE_FOR_ASKS = 16;

  private final LoopContext context;
  private final NetSocket socket;
  private final ClientOptions options;
  private final Owner owner;
  private final FrameDecoder decoder = new FrameDecoder(this);
  private final Promise<ClientConnection> greeted = Promise.promise();
  private final AtomicLong ids = new AtomicLong();
  private final Map<String, Exchange> follows = new HashMap<>();
  private final Map<String, Exchange> asks = new HashMap<>();

  /** Runs of which nothing was heard yet. */
  private final Set<String> starting = new HashSet<>();

  private final ArrayDeque<Ask> waiting = new ArrayDeque<>();
  private final long since = System.nanoTime();
  private Event.@Nullable Hello node;
  private long timer = NO_TIMER;
  private long idleSince = since;
  private long pings;
  private int reserved;
  private int silent;
  private boolean heard;
  private boolean everHeard;
  private boolean over;

  /** Who asked for something. Called on the connection's context. */
  interface Exchange {
    void take(Event event, byte[] body);

    /**
     * The connection is gone before the last event.
     *
     * @param fatal null: another connection may go on where this one was
     */
    void lost(String why, @Nullable CommandException fatal);
  }

  /** Who shares it out. */
  interface Owner {
    /** There may be places. */
    void serve();

    /** It was of use. */
    void progressed();

    void gone(ClientConnection connection);

    void idle(ClientConnection connection);
  }

  @SuppressWarnings("ArrayRecordComponent") // Sent, never compared.
  private record Ask(String id, byte[] frame, Exchange exchange) {}

  /** The node, or the network, closed it before any answer. */
  private static final class Wordless extends ClosedChannelException {
    private static final long serialVersionUID = 1;
  }

  private ClientConnection(
      LoopContext context, NetSocket socket, ClientOptions options, Owner owner) {
    this.context = context;
    this.socket = socket;
    this.options = options;
    this.owner = owner;
  }

  /**
   * To be called on the context that it shall live on. Done when the node has said who it is;
   * failed with a {@link CommandException}, and nothing was done.
   */
  static Future<ClientConnection> open(
      LoopContext context, NetClient net, ClientOptions options, Owner owner) {
    return Dialer.connect(context.context(), net, options)
        .compose(socket -> new ClientConnection(context, socket, options, owner).greet());
  }

  /** Whether the node closed before it had said a word. */
  static boolean isWordless(CommandException failure) {
    return failure.getCause() instanceof Wordless;
  }

  private Future<ClientConnection> greet() {
    socket.handler(
        bytes -> {
          heard = true;
          everHeard = true;
          decoder.handle(bytes);
        });
    socket.exceptionHandler(e -> lose(String.valueOf(e.getMessage()), null));
    socket.closeHandler(_ -> lose("it was closed", null));
    long millis = options.connectTimeout().toMillis();
    timer = context.owner().setTimer(millis, _ -> silentFor(millis));
    Duration every = options.heartbeat();
    Duration theirs = every == null ? null : Request.Hello.nearestHeartbeat(every);
    write(RequestEncoder.encode(HELLO, new Request.Hello(1, options.token(), theirs)));
    return greeted.future();
  }

  private void silentFor(long millis) {
    String why = options.name() + " did not answer within " + millis + " ms";
    close();
    greeted.tryFail(new CommandException.Unreachable(why, new TimeoutException(why)));
  }

  /** The life of the node. */
  String boot() {
    return node().boot();
  }

  /** Whether the node has others, where jobs may be, too. */
  boolean isOfCluster() {
    return node().features().contains("nodes");
  }

  private Event.Hello node() {
    if (node == null) {
      throw new IllegalStateException("no hello yet");
    }
    return node;
  }

  boolean isOpen() {
    return !over;
  }

  long since() {
    return since;
  }

  /** For how long nobody has used it; 0: somebody does. */
  long idleNanos() {
    return over || isUsed() ? 0 : System.nanoTime() - idleSince;
  }

  private boolean isUsed() {
    return reserved > 0 || !follows.isEmpty() || !asks.isEmpty();
  }

  /** Whether there was one: for {@link #follow}, or to be given back by {@link #release}. */
  boolean takePlace() {
    boolean free = !over && !isFull() && reserved + starting.size() < MAX_STARTING;
    reserved += free ? 1 : 0;
    return free;
  }

  /** Whether all places are taken; those of jobs that are about to start are free soon. */
  boolean isFull() {
    return reserved + follows.size() >= places();
  }

  private int places() {
    int most = Math.min(node().maxConnectionJobs(), node().maxRequests() - maxAsks());
    return Math.max(1, most);
  }

  private int maxAsks() {
    return Math.max(1, node().maxRequests() / SHARE_FOR_ASKS);
  }

  /** A name for a request. Any thread. */
  String newId(String kind) {
    return kind + ids.getAndIncrement();
  }

  /** Gives a place back that was not used. Any thread. */
  void release() {
    context.emit(
        _ -> {
          reserved--;
          released();
        });
  }

  /** Uses the place that was taken. Any thread. */
  void follow(Request request, String id, byte[] frame, Exchange exchange) {
    context.emit(
        _ -> {
          reserved--;
          if (request instanceof Request.Run && !over) {
            starting.add(id);
          }
          send(follows, id, frame, exchange);
          owner.serve();
        });
  }

  /** Follows a job anew that is followed over this connection: the one before ends by that. */
  void followAgain(Request request, String id, byte[] frame, Exchange exchange) {
    context.emit(_ -> send(follows, id, frame, exchange));
  }

  /** Nobody listens to that any more: its seat, if it is one, is as vacant as after a cut. */
  void leave(String id) {
    context.emit(
        _ -> {
          if (follows.computeIfPresent(id, (_, _) -> new Answer(_ -> {}, (_, _) -> {})) != null) {
            Request detach = new Request.Detach(id, Request.Detach.Linger.LIMITED);
            ask(detach, new Answer(_ -> {}, (_, _) -> {}));
          }
        });
  }

  /** An exchange whose owner only wants the last event, or to know that none comes. */
  record Answer(
      java.util.function.Consumer<Event> onLast,
      java.util.function.BiConsumer<String, @Nullable CommandException> onLost)
      implements Exchange {
    @Override
    public void take(Event event, byte[] body) {
      if (event.isFinal()) {
        onLast.accept(event);
      }
    }

    @Override
    public void lost(String why, @Nullable CommandException fatal) {
      onLost.accept(why, fatal);
    }
  }

  /** Asks when the node takes one more. Any thread. */
  void ask(Request request, Exchange exchange) {
    String id = newId("ask");
    Ask ask = new Ask(id, RequestEncoder.encode(id, request), exchange);
    context.emit(
        _ -> {
          if (over || asks.size() < maxAsks()) {
            send(asks, id, ask.frame(), exchange);
          } else {
            waiting.add(ask);
          }
        });
  }

  private void send(Map<String, Exchange> kind, String id, byte[] frame, Exchange exchange) {
    if (over) {
      exchange.lost("it was closed", null);
    } else {
      kind.put(id, exchange);
      write(frame);
    }
  }

  /** What is lost with the connection, its sender is not told of. Any thread. */
  void send(Request.Notice notice) {
    byte[] frame = RequestEncoder.encode(null, notice);
    context.emit(_ -> write(frame));
  }

  private void write(byte[] frame) {
    if (!over) {
      var _ = socket.write(Buffer.buffer(frame));
    }
  }

  // One by one: a periodic timer makes up for beats that a stalled machine has missed, all at once.
  private void awaitBeat() {
    Duration every = options.heartbeat();
    if (every != null) {
      timer = context.owner().setTimer(every.toMillis(), _ -> beat());
    }
  }

  // Counted in beats rather than in time: while we are stopped none passes.
  private void beat() {
    silent = heard ? 0 : silent + 1;
    heard = false;
    if (silent < MAX_SILENT) {
      write(RequestEncoder.encode("ping" + pings++, new Request.Ping()));
      awaitBeat();
    } else {
      lose("nothing was heard for " + MAX_SILENT + " heartbeats", null);
    }
  }

  @Override
  public void frame(Frame frame) {
    try {
      Event event = EventDecoder.decode(frame.header());
      if (event != null) {
        take(frame.header().id(), event, frame.body());
      }
    } catch (ProtocolException e) {
      failed(e);
    }
  }

  @Override
  public void failed(ProtocolException mistake) {
    String what = " does not speak Runnel's protocol: " + mistake.getMessage();
    lose("what came is no frame", new CommandException.Damaged(options.name() + what, mistake));
  }

  private void take(@Nullable String id, Event event, byte[] body) {
    switch (event) {
      case Event.Ping _ -> answerPing();
      case Event.Pong _ -> {}
      case Event.Hello hello when node == null -> {
        node = hello;
        context.owner().cancelTimer(timer);
        awaitBeat();
        greeted.tryComplete(this);
      }
      case Event.Failed failed when failed.closes() || node == null -> refused(failed);
      default -> pass(id, event, body);
    }
  }

  // A node that does not read what it was sent has signs of life enough waiting for it.
  private void answerPing() {
    if (!socket.writeQueueFull()) {
      write(RequestEncoder.encode(null, new Request.Pong()));
    }
  }

  private void refused(Event.Failed failed) {
    CommandException.Refused refusal = new CommandException.Refused(failed);
    boolean passes = node != null && refusal.isRetryable();
    lose(refusal.getMessage(), passes ? null : refusal);
  }

  private void pass(@Nullable String id, Event event, byte[] body) {
    Map<String, Exchange> kind = follows.containsKey(id) ? follows : asks;
    Exchange exchange = kind.get(id);
    if (id == null || exchange == null) {
      return;
    }
    if (event instanceof Event.Output || event instanceof Event.StdinAck || event.isFinal()) {
      owner.progressed();
    }
    boolean began = starting.remove(id);
    if (event.isFinal()) {
      kind.remove(id);
    }
    exchange.take(event, body);
    if (event.isFinal()) {
      sendWaiting();
      released();
    } else if (began) {
      owner.serve();
    }
  }

  private void sendWaiting() {
    while (!waiting.isEmpty() && asks.size() < maxAsks()) {
      Ask next = waiting.remove();
      send(asks, next.id(), next.frame(), next.exchange());
    }
  }

  private void released() {
    owner.serve();
    if (!over && !isUsed()) {
      idleSince = System.nanoTime();
      owner.idle(this);
    }
  }

  private void lose(String why, @Nullable CommandException fatal) {
    if (over) {
      return;
    }
    close();
    owner.gone(this);
    if (node == null) {
      greeted.tryFail(fatal == null ? unanswered() : fatal);
      return;
    }
    List<Exchange> all = new ArrayList<>(follows.values());
    all.addAll(asks.values());
    waiting.forEach(ask -> all.add(ask.exchange()));
    follows.clear();
    asks.clear();
    waiting.clear();
    all.forEach(exchange -> exchange.lost(why, fatal));
    owner.serve();
  }

  private CommandException unanswered() {
    boolean clear = options.tls() == null && !options.address().isDomainSocket();
    return new CommandException.Unreachable(
        options.name()
            + " closed the connection without an answer"
            // A server can't say so to somebody who speaks no TLS.
            + (clear && !everHeard ? " (does it expect TLS?)" : "")
            + "; nothing was run",
        everHeard ? new ClosedChannelException() : new Wordless());
  }

  /** Idempotent; nobody is told. */
  void close() {
    if (!over) {
      over = true;
      decoder.stop();
      context.owner().cancelTimer(timer);
      var _ = socket.close();
    }
  }
}
