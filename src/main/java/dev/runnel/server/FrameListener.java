package dev.runnel.server;

import io.vertx.core.DeploymentOptions;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * An address that a node listens on, served by several verticles, each with its own event loop.
 *
 * @param listen where, with the port that was picked
 * @param deployment to undeploy
 */
public record FrameListener(ListenAddress listen, String deployment) {
  // A negative port means any free one to Vert.x, and the same number the same one.
  private static final AtomicInteger NEXT_ANY_PORT = new AtomicInteger(-0x52_00_00_00);

  /** Listens; done when every verticle does. */
  public static Future<FrameListener> open(
      Vertx vertx, ServerContext room, ListenAddress listen, Authentication access, int verticles) {
    ListenAddress asked =
        listen instanceof ListenAddress.Tcp(String host, int port) && port == 0
            ? new ListenAddress.Tcp(host, NEXT_ANY_PORT.getAndDecrement())
            : listen;
    FrameServerVerticle first = new FrameServerVerticle(room, asked, access);
    AtomicInteger made = new AtomicInteger();
    return vertx
        .deployVerticle(
            () ->
                made.getAndIncrement() == 0 ? first : new FrameServerVerticle(room, asked, access),
            new DeploymentOptions().setInstances(verticles))
        .map(deployment -> new FrameListener(picked(listen, first), deployment));
  }

  private static ListenAddress picked(ListenAddress listen, FrameServerVerticle verticle) {
    return switch (listen) {
      case ListenAddress.Tcp tcp -> new ListenAddress.Tcp(tcp.host(), verticle.port());
      case ListenAddress.Unix unix -> unix;
    };
  }
}
