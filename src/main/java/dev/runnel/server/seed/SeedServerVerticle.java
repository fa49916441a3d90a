package dev.runnel.server.seed;

import dev.runnel.server.ListenAddress;
import dev.runnel.server.ServerContext;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.core.net.NetServerOptions;
import io.vertx.core.net.NetSocket;
import java.util.HashSet;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Listens for clients of the original Python example and serves them on its one event loop. */
final class SeedServerVerticle extends VerticleBase {
  private static final Logger LOG = LoggerFactory.getLogger(SeedServerVerticle.class);

  // Also the size of each read. By itself Netty reads less at a time after a few short commands,
  // and a longer one would then arrive as several.
  private static final int RECEIVE_BYTES = 16 * SeedConnection.MAX_COMMAND_BYTES;

  private final ServerContext room;
  private final ListenAddress.Tcp listen;
  private final SeedMemory memory;
  private final Set<SeedConnection> connections = new HashSet<>();
  private boolean stopping;
  private volatile int port;

  SeedServerVerticle(ServerContext room, ListenAddress.Tcp listen, SeedMemory memory) {
    this.room = room;
    this.listen = listen;
    this.memory = memory;
  }

  /** The port it listens on, once it is deployed. */
  int port() {
    return port;
  }

  @Override
  public Future<?> start() {
    NetServerOptions options =
        new NetServerOptions()
            .setTcpNoDelay(true)
            .setReceiveBufferSize(RECEIVE_BYTES)
            .setTcpUserTimeout(userTimeoutMillis());
    return vertx
        .createNetServer(options)
        .connectHandler(this::connected)
        .listen(listen.port(), listen.host())
        .onSuccess(listening -> port = listening.actualPort());
  }

  @Override
  public Future<?> stop() {
    stopping = true;
    connections.forEach(SeedConnection::close);
    return Future.succeededFuture();
  }

  // A close waits for what was handed over. Where nobody takes that, the kernel gives up: tcp(7).
  private int userTimeoutMillis() {
    return (int) room.limits().frame().multipliedBy(2).toMillis();
  }

  private void connected(NetSocket socket) {
    int max = room.limits().maxConnections();
    if (stopping) {
      socket.close();
    } else if (room.connections().getAndUpdate(count -> count < max ? count + 1 : count) < max) {
      SeedConnection connection =
          new SeedConnection(room, memory, context, socket, this::disconnected);
      connections.add(connection);
      connection.open();
    } else {
      LOG.info(
          "seed connection ended peer={} reason=connections: limit: {}",
          socket.remoteAddress(),
          max);
      socket.close();
    }
  }

  private void disconnected(SeedConnection connection) {
    room.connections().decrementAndGet();
    connections.remove(connection);
  }
}
