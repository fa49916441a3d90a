package dev.runnel.server.seed;

import dev.runnel.server.ListenAddress;
import dev.runnel.server.ServerContext;
import io.vertx.core.Future;
import io.vertx.core.Vertx;

/**
 * A loopback address on which a node serves clients of the original Python example.
 *
 * @param listen where, with the port that was picked
 * @param deployment to undeploy
 */
public record SeedListener(ListenAddress.Tcp listen, String deployment) {

  /**
   * Listens. Peers need no token: that the address is a loopback one is for the caller to see to.
   *
   * @param maxBytes of output collected for all clients together
   */
  public static Future<SeedListener> open(
      Vertx vertx, ServerContext room, ListenAddress.Tcp listen, long maxBytes) {
    SeedServerVerticle verticle = new SeedServerVerticle(room, listen, new SeedMemory(maxBytes));
    return vertx
        .deployVerticle(verticle)
        .map(
            deployment ->
                new SeedListener(
                    new ListenAddress.Tcp(listen.host(), verticle.port()), deployment));
  }
}
