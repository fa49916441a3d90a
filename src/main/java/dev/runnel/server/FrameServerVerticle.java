package dev.runnel.server;

import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.core.net.NetServer;
import io.vertx.core.net.NetServerOptions;
import io.vertx.core.net.SocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * Listens on one address and serves its connections on its event loop. Several may listen on the
 * same address and share its connections.
 */
final class FrameServerVerticle extends VerticleBase {
  private static final int BACKLOG = 1_024;

  private final ServerContext room;
  private final ListenAddress listen;
  private final Authentication access;
  private @Nullable FrameConnections connections;
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
    FrameConnections connections = new FrameConnections(room, access, context);
    this.connections = connections;
    NetServer server = vertx.createNetServer(options()).connectHandler(connections::connected);
    return listen(server).onSuccess(listening -> port = listening.actualPort());
  }

  private Future<NetServer> listen(NetServer server) {
    return switch (listen) {
      case ListenAddress.Tcp(String host, int anyOrFixed) -> server.listen(anyOrFixed, host);
      case ListenAddress.Unix(String path) ->
          server.listen(SocketAddress.domainSocketAddress(path));
    };
  }

  @Override
  public Future<?> stop() {
    FrameConnections open = connections;
    return open == null ? Future.succeededFuture() : open.stop();
  }

  private NetServerOptions options() {
    NetServerOptions options = new NetServerOptions().setAcceptBacklog(BACKLOG);
    // No TCP_USER_TIMEOUT: see KernelSendQueue.
    return listen instanceof ListenAddress.Tcp
        ? options.setTcpNoDelay(true).setTcpKeepAlive(true)
        : options;
  }
}
