package dev.runnel.http;

import dev.runnel.job.RejectedException;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.Request;
import dev.runnel.server.PeerCertificates;
import dev.runnel.server.PeerIdentity;
import dev.runnel.wire.ProtocolException;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServerRequest;
import java.security.cert.CertificateException;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Whether a request may read the metrics: by the token or the certificate that would let its peer
 * in as a client, with the same delays for who guesses. On the listener's event loop.
 */
final class MetricsAccess {
  private static final String BEARER = "Bearer ";

  private final Vertx vertx;
  private final HttpServerRequest request;
  private final PeerIdentity peer;

  MetricsAccess(Vertx vertx, HttpTerms terms, HttpServerRequest request) {
    this.vertx = vertx;
    this.request = request;
    this.peer =
        new PeerIdentity(
            terms.access(), terms.room(), request.remoteAddress(), PeerIdentity.Transport.SOCKET);
  }

  /** It may not. */
  static final class DeniedException extends Exception {
    private static final long serialVersionUID = 1;

    private final int status;
    private final transient Map<String, String> headers;

    DeniedException(int status, String why, Map<String, String> headers) {
      super(why, null, false, false);
      this.status = status;
      this.headers = headers;
    }

    int status() {
      return status;
    }

    Map<String, String> headers() {
      return headers;
    }
  }

  /** Fails with a DeniedException if it may not; it may take as long as a guess costs. */
  Future<Void> check() {
    return identify().onComplete(_ -> peer.gone());
  }

  private Future<Void> identify() {
    try {
      if (request.isSSL()) {
        peer.secured(PeerCertificates.of(request.connection().sslSession()));
      }
      if (peer.isKnown()) {
        return known();
      }
      String token = token();
      Duration wait = peer.beforeLook(token);
      return after(wait).compose(_ -> look(token));
    } catch (ProtocolException e) {
      return denied(e);
    } catch (CertificateException _) {
      return denied(new ProtocolException(ErrorCode.UNAUTHENTICATED, "certificate: not accepted"));
    }
  }

  private Future<Void> look(@Nullable String token) {
    try {
      peer.hello(new Request.Hello(1, token));
      return known();
    } catch (ProtocolException e) {
      return denied(e);
    } catch (RejectedException e) {
      return Future.failedFuture(e);
    }
  }

  private Future<Void> known() throws RuntimeException {
    String revoked = peer.revoked();
    if (revoked != null) {
      return Future.failedFuture(new DeniedException(401, revoked, Map.of()));
    }
    try {
      peer.checkQuota();
      return Future.succeededFuture();
    } catch (ProtocolException e) {
      return denied(e);
    }
  }

  private Future<Void> denied(ProtocolException why) {
    String text = String.valueOf(why.getMessage());
    if (why.code() != ErrorCode.UNAUTHENTICATED) {
      return Future.failedFuture(new DeniedException(429, text, Map.of("Retry-After", "10")));
    }
    Map<String, String> headers = Map.of("WWW-Authenticate", "Bearer");
    return after(peer.failed(text))
        .compose(_ -> Future.failedFuture(new DeniedException(401, text, headers)));
  }

  private Future<Void> after(Duration wait) {
    return wait.isZero() ? Future.succeededFuture() : vertx.timer(wait.toMillis() + 1).mapEmpty();
  }

  private @Nullable String token() {
    String given = request.getHeader("Authorization");
    return given != null && given.regionMatches(true, 0, BEARER, 0, BEARER.length())
        ? given.substring(BEARER.length()).strip()
        : null;
  }
}
