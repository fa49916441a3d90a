package dev.runnel.client;

import dev.runnel.api.CommandException;
import dev.runnel.files.Listeners;
import dev.runnel.model.Event;
import dev.runnel.model.Request;
import dev.runnel.wire.EventDecoder;
import dev.runnel.wire.Frame;
import dev.runnel.wire.ProtocolException;
import dev.runnel.wire.RequestEncoder;
import dev.runnel.wire.vertx.FrameDecoder;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.net.NetClient;
import io.vertx.core.net.NetSocket;
import io.vertx.core.net.SocketAddress;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * One connection to a node, which begins with {@code hello}. On the context that opened it. What
 * waits to be written is bounded by what its owner may send: stdin's credit, and small requests.
 */
final class ClientConnection {
  /** The id of its first request. */
  static final String HELLO = "hello";

  private static final int MAX_SILENT = 3;

  private final Vertx vertx;
  private final NetSocket socket;
  private final ClientOptions options;
  private final Peer peer;
  private final FrameDecoder decoder;
  private long heartbeat = ResumingTransport.NO_TIMER;
  private boolean heard = true;
  private int silent;
  private long pings;
  private boolean opened;
  private boolean over;

  /** Who is told what comes. */
  interface Peer {
    void take(@Nullable String id, Event event, byte[] body);

    /** The connection is gone, and nothing more comes of it. Not told of one that we closed. */
    void lost(String why);

    /** What came is no protocol of ours; the connection is closed. */
    void garbled(CommandException why);
  }

  private ClientConnection(Vertx vertx, NetSocket socket, ClientOptions options, Peer peer) {
    this.vertx = vertx;
    this.socket = socket;
    this.options = options;
    this.peer = peer;
    this.decoder =
        new FrameDecoder(
            new FrameDecoder.Output() {
              @Override
              public void frame(Frame frame) {
                take(frame);
              }

              @Override
              public void failed(ProtocolException mistake) {
                garbled(mistake);
              }
            });
  }

  /** To be called on the context that it shall live on. */
  static Future<ClientConnection> open(
      Context context, NetClient net, ClientOptions options, Peer peer) {
    boolean clear = options.token() != null && options.tls() == null;
    boolean isNumber = options.address().hostAddress() != null;
    if (clear && isNumber && !isOurs(options.address())) {
      return Future.failedFuture(inClear(options));
    }
    return net.connect(options.connect())
        .compose(
            socket ->
                Future.succeededFuture(socket)
                    .compose(to -> clear ? checkReceiver(context, to, options) : accept(to))
                    // Whatever the look came to, also that there was no thread for it.
                    .onFailure(_ -> socket.close()))
        .map(
            socket -> {
              ClientConnection connection =
                  new ClientConnection(context.owner(), socket, options, peer);
              connection.listen();
              return connection;
            })
        .recover(e -> Future.failedFuture(unreachable(options, e)));
  }

  private static Future<NetSocket> accept(NetSocket socket) {
    return Future.succeededFuture(socket);
  }

  // On loopback it may be anybody's who took the port while the server was gone.
  private static Future<NetSocket> checkReceiver(
      Context context, NetSocket socket, ClientOptions options) {
    SocketAddress there = socket.remoteAddress();
    if (!isOurs(there)) {
      return Future.failedFuture(inClear(options));
    }
    if (there.isDomainSocket()) {
      return accept(socket);
    }
    InetSocketAddress address =
        new InetSocketAddress(InetAddress.ofLiteral(there.hostAddress()), there.port());
    socket.pause();
    return context
        .<@Nullable String>executeBlocking(() -> Listeners.strangerAt(address), false)
        .compose(
            stranger -> {
              if (stranger == null) {
                socket.resume();
                return accept(socket);
              }
              return Future.failedFuture(
                  new CommandException.Unreachable(
                      "cannot reach "
                          + options.name()
                          + ": "
                          + stranger
                          + ": the token is not sent (expected: us or root, or TLS)"));
            });
  }

  private static CommandException unreachable(ClientOptions options, Throwable e) {
    return e instanceof CommandException known
        ? known
        : new CommandException.Unreachable(
            "cannot reach " + options.name() + ": " + e.getMessage(), e);
  }

  // By the address that is being used: whose name it is, others may decide.
  private static CommandException inClear(ClientOptions options) {
    return new CommandException.Unreachable(
        "the token would go to " + options.name() + " in clear (expected: TLS, or no token)");
  }

  private static boolean isOurs(SocketAddress address) {
    String digits = address.hostAddress();
    return address.isDomainSocket()
        || (digits != null && InetAddress.ofLiteral(digits).isLoopbackAddress());
  }

  private void listen() {
    socket.handler(
        bytes -> {
          heard = true;
          decoder.handle(bytes);
        });
    socket.exceptionHandler(e -> lose(String.valueOf(e.getMessage())));
    socket.closeHandler(_ -> lose("it was closed"));
    awaitBeat();
  }

  // One by one: a periodic timer makes up for beats that a stalled machine has missed, all at once.
  private void awaitBeat() {
    Duration every = options.heartbeat();
    if (every != null) {
      heartbeat = vertx.setTimer(every.toMillis(), _ -> beat());
    }
  }

  /** Says who we are, and what we want first; both leave together. */
  void open(String id, Request opening) {
    opened = true;
    Duration every = options.heartbeat();
    Duration theirs = every == null ? null : Request.Hello.nearestHeartbeat(every);
    byte[] hello = RequestEncoder.encode(HELLO, new Request.Hello(1, options.token(), theirs));
    var _ = socket.write(Buffer.buffer(hello).appendBytes(RequestEncoder.encode(id, opening)));
  }

  /** Whether it was said who we are. */
  boolean isOpened() {
    return opened;
  }

  /** What is lost with the connection, its peer is not told of. */
  void send(@Nullable String id, Request request) {
    if (!over) {
      var _ = socket.write(Buffer.buffer(RequestEncoder.encode(id, request)));
    }
  }

  /** Idempotent. */
  void close() {
    if (!over) {
      over = true;
      decoder.stop();
      vertx.cancelTimer(heartbeat);
      var _ = socket.close();
    }
  }

  // Counted in beats rather than in time: while we are stopped none passes.
  private void beat() {
    silent = heard ? 0 : silent + 1;
    heard = false;
    if (silent < MAX_SILENT) {
      send("ping" + pings++, new Request.Ping());
      awaitBeat();
    } else {
      lose("nothing was heard for " + MAX_SILENT + " heartbeats");
    }
  }

  private void lose(String why) {
    if (!over) {
      close();
      peer.lost(why);
    }
  }

  private void garbled(ProtocolException mistake) {
    if (!over) {
      close();
      peer.garbled(
          new CommandException.Damaged(
              options.name() + " does not speak Runnel's protocol: " + mistake.getMessage(),
              mistake));
    }
  }

  // A node that does not read what it was sent has signs of life enough waiting for it.
  private void answerPing() {
    if (!socket.writeQueueFull()) {
      send(null, new Request.Pong());
    }
  }

  private void take(Frame frame) {
    try {
      Event event = EventDecoder.decode(frame.header());
      if (event instanceof Event.Ping) {
        answerPing();
      } else if (event != null && !(event instanceof Event.Pong)) {
        peer.take(frame.header().id(), event, frame.body());
      }
    } catch (ProtocolException e) {
      garbled(e);
    } catch (RuntimeException | Error e) {
      // A consumer's handler threw: that is for its context to report, and not the decoder's end.
      vertx.runOnContext(
          _ -> {
            throw e;
          });
    }
  }
}
