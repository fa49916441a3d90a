package dev.runnel.server;

import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.net.NetSocket;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The connections of one event loop that carry frames, whatever listener they came to: admits them
 * within the node's bounds, looks after them, and ends them. A verticle's; its timers end with it.
 * On that event loop.
 */
public final class FrameConnections {
  /** How long a token or a certificate that was revoked may still be of use. */
  private static final Duration REVOCATION = Duration.ofSeconds(1);

  /**
   * Between two looks at peers that may be lost, or not read; it is each connection's turn at every
   * tenth.
   */
  private static final Duration LOOK = Duration.ofMillis(500);

  private static final int LOOKS = 10;

  /** How many may stay at once, for as long as it takes to read why; others are just closed. */
  private static final int MAX_TURNED_AWAY = 64;

  private final ServerContext room;
  private final Authentication access;
  private final Context context;
  private final FairTurns turns = new FairTurns();
  private final Set<ServerConnection> connections = new HashSet<>();
  private List<Object> credentialsSeen;
  private int turnedAway;
  private int look;
  private boolean stopping;

  /**
   * None yet.
   *
   * @param access how their peers are known
   * @param context the verticle's, which calls this
   */
  public FrameConnections(ServerContext room, Authentication access, Context context) {
    this.room = room;
    this.access = access;
    this.context = context;
    Supplier<List<Object>> credentials = credentials();
    credentialsSeen = credentials.get();
    context.owner().setPeriodic(REVOCATION.toMillis(), _ -> endRevoked(credentials.get()));
    context.owner().setPeriodic(LOOK.toMillis(), _ -> lookAtSome());
  }

  // A tenth of them each time: thousands are not looked at in one go.
  private void lookAtSome() {
    long now = System.nanoTime();
    look = (look + 1) % LOOKS;
    List<ServerConnection> due =
        connections.stream().filter(each -> Math.floorMod(each.hashCode(), LOOKS) == look).toList();
    due.forEach(connection -> connection.look(now));
  }

  // What says who is let in: other objects after each reading of the files.
  private Supplier<List<Object>> credentials() {
    return switch (access) {
      case Authentication.ByToken(var tokens) -> () -> List.of(tokens.get());
      case Authentication.OverTls(var tls, Authentication.ByToken(var tokens)) ->
          () -> List.of(tokens.get(), tls.revocationLists());
      case Authentication.OverTls(var tls, _) -> () -> List.of(tls.revocationLists());
      case Authentication.Open _, Authentication.ByUser _, Authentication.ByNode _ -> List::of;
    };
  }

  private void endRevoked(List<Object> now) {
    boolean isSame = true;
    for (int i = 0; i < now.size(); i++) {
      isSame &= now.get(i) == credentialsSeen.get(i);
    }
    if (!isSame) {
      credentialsSeen = now;
      new ArrayList<>(connections).forEach(ServerConnection::endIfRevoked);
    }
  }

  /**
   * Goes with its node: whichever of that node's verticles is stopped first, its peers hear how
   * their jobs ended. Done when every connection is closed.
   */
  public Future<?> stop() {
    return Future.fromCompletionStage(room.gate().close(), context).eventually(this::drain);
  }

  private Future<?> drain() {
    stopping = true;
    return Future.join(connections.stream().map(ServerConnection::drain).toList());
  }

  /** A connection was opened, and nothing was read from it. */
  public void connected(NetSocket socket) {
    if (stopping) {
      socket.close();
      return;
    }
    PeerIdentity peer = peer(socket, PeerIdentity.Transport.SOCKET);
    String refusal = admit(peer);
    if (refusal == null) {
      ServerConnection connection = make(socket, peer, () -> room.connections().decrementAndGet());
      if (access instanceof Authentication.OverTls(var tls, _)) {
        connection
            .socket()
            .secure(tls.get(), connection::secured, connection::holdFrame, peer::failed);
      }
      open(connection, peer);
    } else if (access instanceof Authentication.OverTls || turnedAway >= MAX_TURNED_AWAY) {
      // Under TLS it would have to shake hands first, to be told.
      leave(socket, peer);
    } else {
      makeTurnedAway(socket, peer).turnAway(refusal);
    }
  }

  /**
   * A connection became a WebSocket.
   *
   * @param frames what takes its messages apart, which waits in the socket's pipeline
   * @param chain under TLS the peer's certificate, found to be good, and those between it and its
   *     root; empty: it has none
   */
  public void upgraded(NetSocket socket, WebSocketFrames frames, List<X509Certificate> chain) {
    if (stopping) {
      socket.close();
      return;
    }
    PeerIdentity peer = peer(socket, PeerIdentity.Transport.WEB_SOCKET);
    String refusal = admit(peer);
    if (refusal == null) {
      ServerConnection connection = make(socket, peer, () -> room.connections().decrementAndGet());
      connection.carriedBy(frames);
      open(connection, peer);
      if (access instanceof Authentication.OverTls) {
        connection.secured(chain);
      }
      frames.begin();
    } else if (turnedAway >= MAX_TURNED_AWAY) {
      leave(socket, peer);
    } else {
      ServerConnection connection = makeTurnedAway(socket, peer);
      connection.carriedBy(frames);
      connection.turnAway(refusal);
      frames.begin();
    }
  }

  private PeerIdentity peer(NetSocket socket, PeerIdentity.Transport transport) {
    return new PeerIdentity(access, room, socket.remoteAddress(), transport);
  }

  /** Takes a place for it; says why there is none. */
  private @Nullable String admit(PeerIdentity peer) {
    int max = room.limits().maxConnections();
    if (room.connections().getAndUpdate(count -> count < max ? count + 1 : count) >= max) {
      return "connections: limit: " + max;
    }
    String refusal = peer.enter();
    if (refusal != null) {
      room.connections().decrementAndGet();
    }
    return refusal;
  }

  private void open(ServerConnection connection, PeerIdentity peer) {
    if (access instanceof Authentication.ByUser) {
      peer.ofUser(connection.socket().userOfPeer());
    }
    connection.open();
  }

  private static void leave(NetSocket socket, PeerIdentity peer) {
    peer.gone();
    socket.close();
  }

  private ServerConnection makeTurnedAway(NetSocket socket, PeerIdentity peer) {
    turnedAway++;
    return make(socket, peer, () -> turnedAway--);
  }

  private ServerConnection make(NetSocket socket, PeerIdentity peer, Runnable onClosed) {
    ServerConnection[] made = new ServerConnection[1];
    ServerConnection connection =
        new ServerConnection(
            room,
            turns,
            peer,
            context,
            socket,
            () -> {
              connections.remove(made[0]);
              onClosed.run();
            });
    made[0] = connection;
    connections.add(connection);
    return connection;
  }
}
