package dev.runnel.http;

import dev.runnel.server.ListenAddress;
import io.vertx.core.Future;
import io.vertx.core.Vertx;

/**
 * An address on which a node answers those who look after it.
 *
 * @param listen where, with the port that was picked
 * @param deployment to undeploy
 */
public record HttpListener(ListenAddress listen, String deployment) {
  /** Listens. */
  public static Future<HttpListener> open(Vertx vertx, HttpTerms terms, ListenAddress listen) {
    HttpServerVerticle verticle = new HttpServerVerticle(vertx, terms, listen);
    return vertx
        .deployVerticle(verticle)
        .map(deployment -> new HttpListener(picked(listen, verticle), deployment));
  }

  private static ListenAddress picked(ListenAddress listen, HttpServerVerticle verticle) {
    return switch (listen) {
      case ListenAddress.Tcp tcp -> new ListenAddress.Tcp(tcp.host(), verticle.port());
      case ListenAddress.Unix unix -> unix;
    };
  }
}
