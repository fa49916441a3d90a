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
public record FrameListener(Listen listen, String deployment) {
  // A negative port means any free one to Vert.x, and the same number the same one.
  private static final AtomicInteger NEXT_ANY_PORT = new AtomicInteger(-0x52_00_00_00);

  /** Listens; done when every verticle does. */
  public static Future<FrameListener> open(
      Vertx vertx, ServerRoom room, Listen listen, Access access, int verticles) {
    Listen asked =
        listen instanceof Listen.Tcp(String host, int port) && port == 0
            ? new Listen.Tcp(host, NEXT_ANY_PORT.getAndDecrement())
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

  private static Listen picked(Listen listen, FrameServerVerticle verticle) {
    return switch (listen) {
      case Listen.Tcp tcp -> new Listen.Tcp(tcp.host(), verticle.port());
      case Listen.Unix unix -> unix;
    };
  }
}
