package dev.runnel.server;

import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.core.net.NetServer;
import io.vertx.core.net.NetServerOptions;
import io.vertx.core.net.NetSocket;
import io.vertx.core.net.SocketAddress;
import java.util.HashSet;
import java.util.Set;

/**
 * Listens on one address and serves its connections on its event loop. Several may listen on the
 * same address and share its connections.
 */
final class FrameServerVerticle extends VerticleBase {
  private static final int BACKLOG = 1_024;

  /** How many may stay at once, for as long as it takes to read why; others are just closed. */
  private static final int MAX_TURNED_AWAY = 64;

  private final ServerRoom room;
  private final Listen listen;
  private final Access access;
  private final Set<Connection> connections = new HashSet<>();
  private int turnedAway;
  private boolean stopping;
  private volatile int port;

  FrameServerVerticle(ServerRoom room, Listen listen, Access access) {
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
    NetServer server = vertx.createNetServer(options()).connectHandler(this::connected);
    return listen(server).onSuccess(listening -> port = listening.actualPort());
  }

  private Future<NetServer> listen(NetServer server) {
    return switch (listen) {
      case Listen.Tcp(String host, int anyOrFixed) -> server.listen(anyOrFixed, host);
      case Listen.Unix(String path) -> server.listen(SocketAddress.domainSocketAddress(path));
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
    return Future.join(connections.stream().map(Connection::drain).toList());
  }

  private NetServerOptions options() {
    NetServerOptions options = new NetServerOptions().setAcceptBacklog(BACKLOG);
    // No TCP_USER_TIMEOUT: it also ends a connection whose peer answers every probe and only does
    // not
    // read, and a reader may take its time. tcp(7)
    return listen instanceof Listen.Tcp
        ? options.setTcpNoDelay(true).setTcpKeepAlive(true)
        : options;
  }

  private void connected(NetSocket socket) {
    if (stopping) {
      socket.close();
      return;
    }
    int max = room.limits().maxConnections();
    if (room.connections().getAndUpdate(count -> count < max ? count + 1 : count) < max) {
      make(socket, () -> room.connections().decrementAndGet()).open();
    } else if (turnedAway < MAX_TURNED_AWAY) {
      turnedAway++;
      make(socket, () -> turnedAway--).turnAway("connections: limit: " + max);
    } else {
      socket.close();
    }
  }

  private Connection make(NetSocket socket, Runnable onClosed) {
    Connection[] made = new Connection[1];
    Connection connection =
        new Connection(
            room,
            access,
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
