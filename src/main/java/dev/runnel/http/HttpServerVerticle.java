package dev.runnel.http;

import dev.runnel.server.Authentication;
import dev.runnel.server.ListenAddress;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.net.KeyCertOptions;
import io.vertx.core.net.SocketAddress;
import io.vertx.ext.healthchecks.CheckResult;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Listens for HTTP/1 on one address and answers on its one event loop. Its peers are strangers: how
 * many they are, how long they take and how much they send has a bound before anything is asked of
 * them.
 */
final class HttpServerVerticle extends VerticleBase {
  private static final Logger LOG = LoggerFactory.getLogger(HttpServerVerticle.class);

  private static final int MAX_LINE_BYTES = 2_048;
  private static final int MAX_HEADER_BYTES = 8_192;
  private static final int BACKLOG = 128;
  private static final Duration HANDSHAKE = Duration.ofSeconds(5);

  /** From the connection to its first answer; what is sent byte by byte gains nothing. */
  static final Duration FIRST_ANSWER = Duration.ofSeconds(10);

  /** From one answer to the next, for those who keep their connection between scrapes. */
  static final Duration NEXT_ANSWER = Duration.ofMinutes(2);

  private static final Set<HttpMethod> ANSWERED = Set.of(HttpMethod.GET, HttpMethod.HEAD);

  private static final Duration LOOK = Duration.ofSeconds(1);

  private final HttpTerms terms;
  private final ListenAddress listen;
  private final ConnectionPlaces places = new ConnectionPlaces();
  // By when each of them has to have had an answer.
  private final Map<HttpConnection, Long> due = new HashMap<>();
  private final Health live;
  private final Health ready;
  private @Nullable FrameUpgrade frames;
  private volatile int port;

  HttpServerVerticle(Vertx vertx, HttpTerms terms, ListenAddress listen) {
    this.terms = terms;
    this.listen = listen;
    List<Check> all = new ArrayList<>(List.of(terms.loop()));
    all.addAll(terms.ready());
    live = new Health(vertx, List.of(terms.loop()));
    ready = new Health(vertx, all);
  }

  /** The port it listens on, once it is deployed; of no meaning for a Unix socket. */
  int port() {
    return port;
  }

  @Override
  public Future<?> start() {
    vertx.setPeriodic(LOOK.toMillis(), _ -> closeLate());
    HttpServer server =
        vertx
            .createHttpServer(options())
            .connectionHandler(this::connected)
            .exceptionHandler(e -> LOG.debug("http connection failed cause={}", e.toString()))
            .requestHandler(this::answer);
    Future<HttpServer> listening =
        switch (listen) {
          case ListenAddress.Tcp(String host, int anyOrFixed) -> server.listen(anyOrFixed, host);
          case ListenAddress.Unix(String path) ->
              server.listen(SocketAddress.domainSocketAddress(path));
        };
    return listening.onSuccess(opened -> port = opened.actualPort());
  }

  @Override
  public Future<?> stop() {
    return frames == null ? Future.succeededFuture() : frames.stop();
  }

  private HttpServerOptions options() {
    HttpServerOptions options =
        new HttpServerOptions()
            .setAcceptBacklog(BACKLOG)
            .setMaxInitialLineLength(MAX_LINE_BYTES)
            .setMaxHeaderSize(MAX_HEADER_BYTES)
            .setDecoderInitialBufferSize(256)
            .setHttp2ClearTextEnabled(false)
            .setUseAlpn(false)
            .setTcpNoDelay(true)
            .setTcpKeepAlive(listen instanceof ListenAddress.Tcp)
            .setPerMessageWebSocketCompressionSupported(false)
            .setPerFrameWebSocketCompressionSupported(false)
            .setIdleTimeoutUnit(TimeUnit.MILLISECONDS)
            .setIdleTimeout((int) NEXT_ANSWER.toMillis());
    if (terms.access() instanceof Authentication.OverTls(var tls, _)
        && listen instanceof ListenAddress.Tcp) {
      options
          .setSsl(true)
          .setSslHandshakeTimeout(HANDSHAKE.toSeconds())
          .setSslHandshakeTimeoutUnit(TimeUnit.SECONDS)
          // Vert.x asks for one; the certificate comes with the engines.
          .setKeyCertOptions(KeyCertOptions.wrap(new HttpTls.NoKeys()))
          .setSslEngineOptions(new HttpTls(tls, places));
    }
    return options;
  }

  // Under TLS it has one since before its handshake.
  private void connected(HttpConnection connection) {
    if (!connection.isSsl()) {
      String source =
          listen instanceof ListenAddress.Unix ? "unix" : connection.remoteAddress().hostAddress();
      if (!places.take(connection, source)) {
        Future<?> _ = connection.close();
        return;
      }
    }
    connection.closeHandler(_ -> due.remove(connection));
    due.put(connection, System.nanoTime() + FIRST_ANSWER.toNanos());
  }

  private void closeLate() {
    long now = System.nanoTime();
    List<HttpConnection> late =
        due.entrySet().stream()
            .filter(entry -> now - entry.getValue() >= 0)
            .map(Map.Entry::getKey)
            .toList();
    for (HttpConnection connection : late) {
      due.remove(connection);
      Future<?> _ = connection.close();
    }
  }

  private void answer(HttpServerRequest request) {
    boolean hasBody =
        request.headers().contains("Content-Length")
            || request.headers().contains("Transfer-Encoding");
    if (hasBody || !ANSWERED.contains(request.method())) {
      request.response().putHeader("Connection", "close");
      end(request, 405, "text/plain", "GET and HEAD are all that is answered here\n")
          // What follows it is not waited for.
          .onComplete(_ -> request.connection().close());
      return;
    }
    switch (request.path()) {
      case "/livez" -> tell(request, live.ask());
      case "/readyz" -> tell(request, ready.ask());
      case "/metrics" -> tellMetrics(request);
      case FrameUpgrade.PATH -> upgrade(request);
      case null, default -> tellFile(request);
    }
  }

  private void tellFile(HttpServerRequest request) {
    ConsoleFiles console = terms.console();
    if (console == null || !console.answer(request, this::answered)) {
      var _ = end(request, 404, "text/plain", "not found\n");
    }
  }

  private void upgrade(HttpServerRequest request) {
    FrameTerms open = terms.frames();
    if (open == null) {
      var _ =
          end(
              request,
              403,
              "text/plain",
              "nothing tells who clients are: give --tokens or --tls-client-ca, or --insecure\n");
      return;
    }
    if (frames == null) {
      frames = new FrameUpgrade(open, terms.room(), context);
    }
    try {
      frames.upgrade(request, () -> release(request.connection()));
    } catch (FrameUpgrade.RefusedException e) {
      e.headers().forEach(request.response()::putHeader);
      var _ = end(request, e.status(), "text/plain", e.getMessage() + "\n");
    }
  }

  // As a frame connection it is counted elsewhere, and has other times.
  private void release(HttpConnection connection) {
    due.remove(connection);
    places.leave(connection);
  }

  private void tellMetrics(HttpServerRequest request) {
    MetricsPage page = terms.metrics();
    if (page == null) {
      var _ = end(request, 404, "text/plain", "not found\n");
      return;
    }
    Future<Void> allowed =
        page.isOpen() ? Future.succeededFuture() : new MetricsAccess(vertx, terms, request).check();
    boolean isOpenMetrics =
        String.valueOf(request.getHeader("Accept")).contains("application/openmetrics-text");
    String type = isOpenMetrics ? MetricsPage.OPEN_METRICS : MetricsPage.TEXT;
    allowed
        .compose(_ -> vertx.executeBlocking(() -> page.scrape().apply(type), false))
        .onComplete(
            text -> {
              var _ = end(request, 200, type, text);
            },
            e -> refuse(request, e));
  }

  private void refuse(HttpServerRequest request, Throwable why) {
    if (why instanceof MetricsAccess.DeniedException denied) {
      denied.headers().forEach(request.response()::putHeader);
      var _ = end(request, denied.status(), "text/plain", denied.getMessage() + "\n");
    } else {
      LOG.error("metrics failed", why);
      var _ = end(request, 500, "text/plain", "internal error\n");
    }
  }

  private void tell(HttpServerRequest request, Future<CheckResult> asked) {
    asked.onComplete(
        result -> {
          boolean isUp = result.succeeded() && CheckResult.isUp(result.result());
          String text =
              result.succeeded()
                  ? result.result().toJson().encode()
                  : "{\"status\":\"DOWN\",\"outcome\":\"DOWN\"}";
          var _ = end(request, isUp ? 200 : 503, "application/json", text + "\n");
        });
  }

  private Future<Void> end(HttpServerRequest request, int status, String type, String text) {
    HttpServerResponse response = request.response();
    if (response.closed() || response.ended()) {
      return Future.succeededFuture();
    }
    response.setStatusCode(status).putHeader("Content-Type", type);
    response.putHeader("Cache-Control", "no-store");
    HttpConnection connection = request.connection();
    return response.end(text).onSuccess(_ -> answered(connection));
  }

  // When an answer was taken, not when it was made: who does not read does not stay.
  private void answered(HttpConnection connection) {
    due.computeIfPresent(connection, (_, _) -> System.nanoTime() + NEXT_ANSWER.toNanos());
  }
}
