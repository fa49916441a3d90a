package dev.runnel.server;

import dev.runnel.model.ErrorCode;
import dev.runnel.model.Event;
import dev.runnel.model.SafeText;
import dev.runnel.wire.EventEncoder;
import dev.runnel.wire.Frame;
import dev.runnel.wire.Limits;
import dev.runnel.wire.ProtocolException;
import dev.runnel.wire.vertx.FrameDecoder;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.net.NetSocket;
import io.vertx.core.net.SocketAddress;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One connection: reads what its peer asks for its desk, gives turns to those that carry output,
 * and closes. All of it on its event loop.
 */
final class ServerConnection implements FrameDecoder.Output, FairTurns.Taker {
  private static final Logger LOG = LoggerFactory.getLogger(ServerConnection.class);
  private static final byte[] NO_BODY = {};

  /** So much of one peer's requests is looked at before it is the turn of others. */
  private static final int FRAMES_IN_A_TURN = 64;

  private static final long TURN_NANOS = Duration.ofMillis(2).toNanos();

  /** How long a peer may still read what was sent last. */
  private static final Duration LINGER = Duration.ofSeconds(1);

  /** How long the followers may still read when the server goes. */
  private static final Duration DRAIN = Duration.ofSeconds(5);

  private final ServerContext room;
  private final FairTurns loop;
  private final PeerIdentity peer;
  private final Context context;
  private final NetSocket netSocket;
  private final OutboundBytes.Account unsent;
  private final FrameSocket socket;
  private final FrameDecoder decoder = new FrameDecoder(this);
  private final FrameTimeout clock;
  private final PeerHeartbeat heartbeat;
  private final Runnable onClosed;
  private final Promise<Void> gone = Promise.promise();

  private final RequestHandler desk;
  private final ArrayDeque<ConnectionSubscriber> turns = new ArrayDeque<>();
  private final InboundBytes.Hold held;
  private final InboundBytes.Hold heldByKernel;
  private boolean progressed;
  private String lost = "closed";
  private boolean reading = true;
  private boolean isToRead;
  private boolean isWaiting;
  private int framesInTurn;
  private long turnBegan;
  private boolean holding;
  private boolean draining;
  private boolean closing;

  ServerConnection(
      ServerContext room,
      FairTurns loop,
      PeerIdentity peer,
      Context context,
      NetSocket netSocket,
      Runnable onClosed) {
    this.room = room;
    this.loop = loop;
    this.peer = peer;
    this.context = context;
    this.netSocket = netSocket;
    this.onClosed = onClosed;
    this.unsent = room.unsent().new Account(peer, () -> execute(this::giveUpUnread));
    this.socket = new FrameSocket(netSocket, unsent, this::takenByTransport);
    this.clock = new FrameTimeout(context.owner(), peer.limits(room.limits()), this::tooSlow);
    this.heartbeat = new PeerHeartbeat(context.owner(), this::ping, this::silent);
    this.desk = new RequestHandler(room, peer, this);
    this.held = room.frames().new Hold(() -> execute(this::giveUpFrame));
    this.heldByKernel = room.sockets().new Hold(() -> execute(this::giveUpUnread));
  }

  /** TLS is there, before the first byte that comes through it. */
  void secured(List<X509Certificate> chain) {
    peer.secured(chain);
    limitFrames();
    // Its handshake may have begun before the lists were read anew.
    endIfRevoked();
  }

  /** What a stranger sends must not take up memory: to be called when one may be none any more. */
  void limitFrames() {
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
      socket.prepare();
    }
    clock.awaitFirst();
  }

  /** Its frames come and go in the messages of a WebSocket; to be said before it is opened. */
  void carriedBy(WebSocketFrames messages) {
    socket.carriedBy(messages, what -> end(new ProtocolException(ErrorCode.BAD_FRAME, what)));
  }

  /** Says why there is no place, and closes. */
  void turnAway(String why) {
    netSocket.handler(_ -> {});
    netSocket.closeHandler(_ -> closed());
    netSocket.exceptionHandler(_ -> {});
    end(new ProtocolException(ErrorCode.TOO_MANY_CONNECTIONS, why));
  }

  /** Closes if the token or the certificate that let the peer in was revoked. */
  void endIfRevoked() {
    String revoked = closing ? null : peer.revoked();
    if (revoked != null) {
      end(new ProtocolException(ErrorCode.UNAUTHENTICATED, revoked));
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
    if (draining && !closing && desk.isIdle() && unsent.isEmpty()) {
      endOutput();
    }
  }

  FrameSocket socket() {
    return socket;
  }

  /** What was sent and is not taken. */
  OutboundBytes.Account unsent() {
    return unsent;
  }

  /** Where the peer is. */
  SocketAddress address() {
    return netSocket.remoteAddress();
  }

  /** The follower's request was answered in full, or is about to be. */
  void forget(ConnectionSubscriber follower) {
    desk.forget(follower);
  }

  /** Runs a task on the connection's event loop. Any thread. */
  void execute(Runnable task) {
    context.runOnContext(
        _ -> {
          try {
            task.run();
          } catch (RuntimeException | Error e) {
            broken(e);
          }
        });
  }

  // What arrives.

  private void received(Buffer bytes) {
    if (closing) {
      return;
    }
    heartbeat.heard();
    try {
      boolean isNow = !reading || loop.isNow(whose());
      if (!isNow) {
        rest();
      }
      beginTurn();
      decoder.handle(bytes);
      endTurn();
      loop.count(whose(), System.nanoTime() - turnBegan);
      if (!isNow) {
        readSoon();
      }
    } catch (RuntimeException | Error e) {
      broken(e);
    }
  }

  /** Who it is, or where a stranger is from. */
  @Override
  public String whose() {
    return peer.isKnown() ? peer.principal() : "from " + peer.source();
  }

  private void beginTurn() {
    framesInTurn = 0;
    turnBegan = System.nanoTime();
  }

  private void endTurn() {
    holdFrame();
    watchFrame();
    flush();
  }

  /** Accounts for what is held of the peer's next frame, or the next TLS record. */
  void holdFrame() {
    long bytes = decoder.heldBytes() + socket.heldBytes();
    if (!closing && !held.set(peer.principal(), peer.source(), bytes)) {
      giveUpFrame();
    }
  }

  private void giveUpFrame() {
    String limit = "limit: " + room.frames().limitBytes() + " bytes";
    end(
        new ProtocolException(
            ErrorCode.TOO_SLOW, "frames not whole yet, of all connections: " + limit));
  }

  // Bytes of a peer that is not read may make a whole frame: it isn't the peer that is slow.
  private void watchFrame() {
    if (reading) {
      clock.sawBytes(decoder.isMidFrame());
    }
  }

  @Override
  public void frame(Frame frame) {
    if (closing || !socket.isOpen()) {
      return;
    }
    held.renew();
    try {
      desk.take(frame.header(), frame.body());
      // A stranger's first frame is a hello that lets it in: until then its time runs.
      if (peer.isKnown() && !closing) {
        clock.sawFrame();
      }
    } catch (ProtocolException e) {
      end(e);
    }
    framesInTurn++;
    if (!mayRead()) {
      rest();
      if (!readsAnswers()) {
        look(System.nanoTime());
      }
      // Not of a stranger: its time runs whatever it asks.
      if (peer.isKnown()) {
        clock.rest();
      }
    } else if (framesInTurn >= FRAMES_IN_A_TURN || System.nanoTime() - turnBegan > TURN_NANOS) {
      rest();
      readSoon();
    }
  }

  @Override
  public void failed(ProtocolException mistake) {
    end(mistake);
  }

  /** Does that after a while, in which nothing more of what the peer sends is taken up. */
  void hold(Duration time, Held then) {
    holding = true;
    context
        .owner()
        .setTimer(
            Math.max(1, time.toMillis()),
            _ -> {
              holding = false;
              if (!closing) {
                execute(() -> goOn(then));
              }
            });
  }

  /** Takes up nothing more of what the peer sends until that is known. */
  <T> void hold(Future<T> future, Consumer<T> then, Consumer<Throwable> otherwise) {
    holding = true;
    future.onComplete(
        known ->
            execute(
                () -> {
                  holding = false;
                  if (closing) {
                    return;
                  }
                  if (known.succeeded()) {
                    then.accept(known.result());
                  } else {
                    otherwise.accept(known.cause());
                  }
                  flush();
                  readSoon();
                }));
  }

  boolean isClosing() {
    return closing;
  }

  Vertx vertx() {
    return context.owner();
  }

  /** Has that done after a while, unless the connection is closed by then. */
  long timer(long millis, Runnable task) {
    return context
        .owner()
        .setTimer(
            millis,
            _ -> {
              if (!closing) {
                execute(task);
              }
            });
  }

  void cancelTimer(long timer) {
    context.owner().cancelTimer(timer);
  }

  /** Passes on a frame of another node's. */
  void pass(byte[] header, byte[] body, boolean isOutput) {
    if (closing) {
      return;
    }
    if (isOutput) {
      socket.output(header, body);
    } else {
      socket.answer(header, body);
    }
  }

  /** Whether the transport may be handed more output, and more answers. */
  boolean hasRoom() {
    return !closing
        && unsent.unsentOutput() < unsent.allowance(room.limits().maxUnsentBytes())
        && unsent.unreadAnswers() <= answerAllowance();
  }

  /** What was put off. */
  interface Held {
    void run() throws ProtocolException;
  }

  private void goOn(Held then) {
    if (closing) {
      return;
    }
    try {
      then.run();
      if (peer.isKnown()) {
        clock.sawFrame();
      }
    } catch (ProtocolException e) {
      end(e);
    }
    flush();
    readSoon();
  }

  /** From now on the peer is asked so often whether it is there. */
  void beat(Duration every) {
    heartbeat.start(every);
  }

  boolean beats() {
    return heartbeat.isOn();
  }

  private void ping() {
    answer(null, new Event.Ping());
    flush();
  }

  // Nothing that is sent would arrive: its jobs go the way of any lost runner's.
  private void silent() {
    lose("silent");
  }

  /**
   * Gives the peer up if its machine answers nothing, and accounts for what the kernel holds of
   * what it does not take. To be called every few seconds.
   */
  void look(long now) {
    if (socket.isLost(now)) {
      lose("unanswered");
      return;
    }
    socket.keepAlive(now);
    if (progressed) {
      progressed = false;
      heldByKernel.renew();
    }
    if (!heldByKernel.set(peer.principal(), peer.source(), socket.kernelBytes())) {
      giveUpUnread();
    }
  }

  // An answer that says so would not be read either.
  private void giveUpUnread() {
    if (socket.isOpen()) {
      room.unsent().gaveUp(peer);
      LOG.debug("connection closed, as nobody reads peer={}", netSocket.remoteAddress());
      lost = "unread";
      socket.abort();
    }
  }

  private void lose(String reason) {
    LOG.info("connection lost peer={} reason={}", netSocket.remoteAddress(), reason);
    lost = reason;
    socket.abort();
  }

  // What is sent.

  void answer(@Nullable String id, Event event) {
    answer(id, event, NO_BODY);
  }

  void answer(@Nullable String id, Event event, byte[] body) {
    if (!closing) {
      socket.answer(EventEncoder.encode(id, event, body.length), body);
    }
  }

  void queueTurn(ConnectionSubscriber follower) {
    turns.add(follower);
  }

  /** Gives turns as long as the transport may be handed more, then has it send. */
  void flush() {
    int most = room.limits().maxUnsentBytes();
    while (!closing && !turns.isEmpty() && unsent.unsentOutput() < unsent.allowance(most)) {
      turns.remove().takeTurn();
    }
    socket.flush();
  }

  private void takenByTransport() {
    progressed = true;
    if (!closing) {
      desk.goOn();
      readSoon();
      if (!turns.isEmpty()) {
        flush();
      }
      closeIfDrained();
    }
  }

  // When it is read.

  /** How many bytes of answers its peer may leave unread. */
  private int answerAllowance() {
    return unsent.allowance(room.limits().maxUnreadBytes());
  }

  private boolean mayRead() {
    return !desk.isListing() && !holding && !desk.isFull() && readsAnswers();
  }

  // The only reason not to read a peer for long: it asks and does not read the answers.
  private boolean readsAnswers() {
    return unsent.unreadAnswers() <= (reading ? answerAllowance() : answerAllowance() / 2);
  }

  private void rest() {
    if (reading && !closing) {
      reading = false;
      decoder.pause();
      socket.stopReading();
    }
  }

  /** In a turn of its own, as its peer may have sent many requests ahead. */
  void readSoon() {
    if (!reading && !isToRead && !closing && mayRead()) {
      isToRead = true;
      awaitTurn();
    }
  }

  /** Has {@link #takeTurn} called when others have had theirs. */
  void awaitTurn() {
    if (!isWaiting) {
      isWaiting = true;
      loop.await(this);
    }
  }

  @Override
  public void afterReading(Runnable task) {
    socket.afterReading(task);
  }

  /** Goes on with a long answer, or with what its peer has sent ahead. */
  @Override
  public void takeTurn() {
    isWaiting = false;
    try {
      long began = System.nanoTime();
      desk.takeTurn();
      if (isToRead) {
        isToRead = false;
        readOn();
      }
      loop.count(whose(), System.nanoTime() - began);
    } catch (RuntimeException | Error e) {
      broken(e);
    }
  }

  private void readOn() {
    if (closing || reading) {
      return;
    }
    reading = true;
    beginTurn();
    decoder.resume();
    endTurn();
    if (reading) {
      socket.readOn();
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
        // A peer's words may be in it, and must not look like lines of the log's own.
        SafeText.oneLine(String.valueOf(mistake.getMessage())));
    if (mistake.code() == ErrorCode.UNAUTHENTICATED && !peer.isKnown()) {
      // Whoever guesses has to wait for each answer, and so does its next guess.
      decoder.stop();
      held.release();
      clock.linger(peer.failed(mistake.getMessage()), () -> endWith(mistake));
    } else {
      endWith(mistake);
    }
  }

  private void endWith(ProtocolException mistake) {
    answer(
        null,
        new Event.Failed(mistake.code(), mistake.getMessage(), null, mistake.retryAfterMillis()));
    endOutput();
  }

  // The peer may still be sending: closed at once, its unread bytes would reset the connection and
  // take with them what it has not read yet.
  private void endOutput() {
    heartbeat.stop();
    decoder.stop();
    closing = true;
    held.release();
    leaveAll();
    socket.readOn();
    socket.flush();
    socket.halfClose();
    clock.linger(LINGER, socket::close);
  }

  @Override
  public void broken(Throwable e) {
    LOG.error("connection broken peer={}", netSocket.remoteAddress(), e);
    socket.close();
  }

  private void closed() {
    if (!closing) {
      closing = true;
      LOG.debug("connection closed peer={}", netSocket.remoteAddress());
      if (!desk.isIdle()) {
        peer.noteLost(lost);
      }
    }
    heartbeat.stop();
    decoder.stop();
    held.release();
    heldByKernel.release();
    clock.stop();
    peer.gone();
    leaveAll();
    onClosed.run();
    gone.complete();
  }

  private void leaveAll() {
    turns.clear();
    desk.leaveAll();
  }
}
