package dev.runnel.server;

import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.core.net.NetServer;
import io.vertx.core.net.NetServerOptions;
import io.vertx.core.net.NetSocket;
import io.vertx.core.net.SocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Listens on one address and serves its connections on its event loop. Several may listen on the
 * same address and share its connections.
 */
final class FrameServerVerticle extends VerticleBase {
  private static final int BACKLOG = 1_024;

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
  private final ListenAddress listen;
  private final Authentication access;
  private final FairTurns turns = new FairTurns();
  private final Set<ServerConnection> connections = new HashSet<>();
  private List<Object> credentialsSeen = List.of();
  private int turnedAway;
  private int look;
  private boolean stopping;
  private volatile int port;

  FrameServerVerticle(ServerContext room, ListenAddress listen, Authentication access) {
    this.room = room;
    this.listen = listen;
    this.access = access;
  }

  /** The port it listens on, once it is deployed; of no meaning for a Unix socket. */
  int port() {
    return port;
  }

  @Override
  public Future<?> start() {
    Supplier<List<Object>> credentials = credentials();
    credentialsSeen = credentials.get();
    vertx.setPeriodic(REVOCATION.toMillis(), _ -> endRevoked(credentials.get()));
    vertx.setPeriodic(LOOK.toMillis(), _ -> lookAtSome());
    NetServer server = vertx.createNetServer(options()).connectHandler(this::connected);
    return listen(server).onSuccess(listening -> port = listening.actualPort());
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

  private Future<NetServer> listen(NetServer server) {
    return switch (listen) {
      case ListenAddress.Tcp(String host, int anyOrFixed) -> server.listen(anyOrFixed, host);
      case ListenAddress.Unix(String path) ->
          server.listen(SocketAddress.domainSocketAddress(path));
    };
  }

  /**
   * Goes with its node: whichever of that node's verticles is stopped first, its peers hear how
   * their jobs ended. Done when every connection is closed.
   */
  @Override
  public Future<?> stop() {
    return Future.fromCompletionStage(room.gate().close(), context).eventually(this::drain);
  }

  private Future<?> drain() {
    stopping = true;
    return Future.join(connections.stream().map(ServerConnection::drain).toList());
  }

  private NetServerOptions options() {
    NetServerOptions options = new NetServerOptions().setAcceptBacklog(BACKLOG);
    // No TCP_USER_TIMEOUT: see KernelSendQueue.
    return listen instanceof ListenAddress.Tcp
        ? options.setTcpNoDelay(true).setTcpKeepAlive(true)
        : options;
  }

  private void connected(NetSocket socket) {
    if (stopping) {
      socket.close();
      return;
    }
    PeerIdentity peer =
        new PeerIdentity(access, room.strangers(), room.gate().guard(), socket.remoteAddress());
    int max = room.limits().maxConnections();
    if (room.connections().getAndUpdate(count -> count < max ? count + 1 : count) >= max) {
      turnAway(socket, peer, "connections: limit: " + max);
      return;
    }
    String refusal = peer.enter();
    if (refusal == null) {
      open(make(socket, peer, () -> room.connections().decrementAndGet()), peer);
    } else {
      room.connections().decrementAndGet();
      turnAway(socket, peer, refusal);
    }
  }

  private void open(ServerConnection connection, PeerIdentity peer) {
    switch (access) {
      case Authentication.OverTls(var tls, _) ->
          connection
              .socket()
              .secure(tls.get(), connection::secured, connection::holdFrame, peer::failed);
      case Authentication.ByUser() -> peer.ofUser(connection.socket().userOfPeer());
      case Authentication.ByToken _, Authentication.Open _, Authentication.ByNode _ -> {}
    }
    connection.open();
  }

  // Under TLS it would have to shake hands first, to be told.
  private void turnAway(NetSocket socket, PeerIdentity peer, String why) {
    if (turnedAway < MAX_TURNED_AWAY && !(access instanceof Authentication.OverTls)) {
      turnedAway++;
      make(socket, peer, () -> turnedAway--).turnAway(why);
    } else {
      peer.gone();
      socket.close();
    }
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
