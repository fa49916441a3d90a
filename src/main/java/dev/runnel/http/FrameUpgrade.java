package dev.runnel.http;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.runnel.server.Authentication;
import dev.runnel.server.FrameConnections;
import dev.runnel.server.Origin;
import dev.runnel.server.PeerCertificates;
import dev.runnel.server.PeerIdentity;
import dev.runnel.server.ServerContext;
import dev.runnel.server.WebSocketFrames;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.timeout.IdleStateHandler;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.impl.HttpServerConnection;
import io.vertx.core.net.NetSocket;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Takes requests for frames: makes a WebSocket of each that may be one, and hands it to the
 * connections of the listener's event loop, where who it is and what it may is found out as on any
 * other. On that event loop. RFC 6455, section 4.2; PROTOCOL.md, "Over a WebSocket".
 */
final class FrameUpgrade {
  static final String PATH = "/v1/frames";

  private static final String VERSION = "13";
  private static final int KEY_BYTES = 16;
  private static final String KEY_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

  private final FrameTerms terms;
  private final ServerContext room;
  private final FrameConnections connections;

  /**
   * @param context the verticle's
   */
  FrameUpgrade(FrameTerms terms, ServerContext room, Context context) {
    this.terms = terms;
    this.room = room;
    this.connections = new FrameConnections(room, terms.access(), context);
  }

  /** It is to be answered so, and stays a request. */
  static final class RefusedException extends Exception {
    private static final long serialVersionUID = 1;

    private final int status;
    private final transient Map<String, String> headers;

    RefusedException(int status, String why, Map<String, String> headers) {
      super(why, null, false, false);
      this.status = status;
      this.headers = headers;
    }

    RefusedException(int status, String why) {
      this(status, why, Map.of());
    }

    int status() {
      return status;
    }

    Map<String, String> headers() {
      return headers;
    }
  }

  /** Done when every connection is closed. */
  Future<?> stop() {
    return connections.stop();
  }

  /**
   * Makes a WebSocket of it.
   *
   * @param onUpgraded called when it is no request any more
   */
  void upgrade(HttpServerRequest request, Runnable onUpgraded) throws RefusedException {
    String key = checkHandshake(request);
    checkOrigin(request);
    List<X509Certificate> chain = chain(request);
    ChannelPipeline pipeline =
        ((HttpServerConnection) request.connection()).channelHandlerContext().pipeline();
    // Before it is one: a peer that doesn't wait may have sent messages already.
    WebSocketFrames frames = new WebSocketFrames();
    pipeline.addBefore("handler", "messages", frames);
    request
        .response()
        .putHeader("Connection", "Upgrade")
        .putHeader("Upgrade", "websocket")
        .putHeader("Sec-WebSocket-Accept", accept(key));
    request
        .toNetSocket()
        .onSuccess(
            socket -> {
              // Its times are the frames' own.
              if (pipeline.get(IdleStateHandler.class) != null) {
                pipeline.remove(IdleStateHandler.class);
              }
              onUpgraded.run();
              begin(socket, frames, chain);
            })
        .onFailure(_ -> request.connection().close());
  }

  private void begin(NetSocket socket, WebSocketFrames frames, List<X509Certificate> chain) {
    connections.upgraded(socket, frames, chain);
  }

  private static String checkHandshake(HttpServerRequest request) throws RefusedException {
    if (!has(request, "Upgrade", "websocket") || !has(request, "Connection", "upgrade")) {
      throw new RefusedException(426, "frames go over a WebSocket", Map.of("Upgrade", "websocket"));
    }
    if (!VERSION.equals(request.getHeader("Sec-WebSocket-Version"))) {
      throw new RefusedException(
          426,
          "Sec-WebSocket-Version: not known (expected: " + VERSION + ")",
          Map.of("Sec-WebSocket-Version", VERSION));
    }
    String key = request.getHeader("Sec-WebSocket-Key");
    if (key == null || !isKey(key)) {
      throw new RefusedException(400, "Sec-WebSocket-Key: missing, or no 16 bytes in base64");
    }
    return key;
  }

  private static boolean has(HttpServerRequest request, String header, String word) {
    return request.headers().getAll(header).stream()
        .flatMap(value -> Arrays.stream(value.split(",", -1)))
        .anyMatch(value -> value.strip().equalsIgnoreCase(word));
  }

  private static boolean isKey(String key) {
    try {
      return Base64.getDecoder().decode(key).length == KEY_BYTES;
    } catch (IllegalArgumentException _) {
      return false;
    }
  }

  private static String accept(String key) {
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-1").digest((key + KEY_SUFFIX).getBytes(ISO_8859_1));
      return Base64.getEncoder().encodeToString(digest);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // Every JDK has it.
    }
  }

  // A browser lets any page connect to any server, with the certificate of its user, and leaves it
  // to the server to look from where the page is. Other clients say nothing of that.
  private void checkOrigin(HttpServerRequest request) throws RefusedException {
    List<String> given = request.headers().getAll("Origin");
    if (given.isEmpty()) {
      return;
    }
    Origin origin = given.size() == 1 ? parse(given.getFirst()) : null;
    if (origin != null && terms.origins().contains(origin)) {
      return;
    }
    List<String> hosts = request.headers().getAll("Host");
    if (origin == null || hosts.size() != 1 || !origin.isOf(hosts.getFirst())) {
      throw new RefusedException(403, "Origin: another than the server's (see --http-origin)");
    }
    // Whoever has a name of his own may have it mean this machine, after his page has come from it.
    if (!asksForCredential() && !origin.isAddress()) {
      throw new RefusedException(
          403, "Origin: a name, where no client needs a token (see --http-origin)");
    }
  }

  private static @Nullable Origin parse(String text) {
    try {
      return Origin.parse(text);
    } catch (IllegalArgumentException _) {
      return null;
    }
  }

  private boolean asksForCredential() {
    Authentication access =
        terms.access() instanceof Authentication.OverTls(_, var otherwise)
            ? otherwise
            : terms.access();
    return access instanceof Authentication.ByToken;
  }

  private List<X509Certificate> chain(HttpServerRequest request) throws RefusedException {
    if (!request.isSSL()) {
      return List.of();
    }
    try {
      return PeerCertificates.of(request.connection().sslSession());
    } catch (CertificateException _) {
      String why = "certificate: not accepted";
      var _ =
          new PeerIdentity(
                  terms.access(), room, request.remoteAddress(), PeerIdentity.Transport.WEB_SOCKET)
              .failed(why);
      throw new RefusedException(403, why);
    }
  }
}
