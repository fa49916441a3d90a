package dev.runnel.server;

import dev.runnel.files.Listeners;
import dev.runnel.security.identity.Principals;
import dev.runnel.tls.TlsFiles;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.net.NetClient;
import io.vertx.core.net.NetClientOptions;
import io.vertx.core.net.NetSocket;
import io.vertx.core.net.PemKeyCertOptions;
import io.vertx.core.net.PemTrustOptions;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import javax.net.ssl.SSLPeerUnverifiedException;
import org.jspecify.annotations.Nullable;

/** Connects to other nodes, and to nobody who is none. On the calling event loop. */
public final class NodeDialer {
  private static final int CONNECT_MILLIS = 3_000;

  private final Vertx vertx;
  private final NetClient net;
  private final String node;
  private final String cluster;
  private final @Nullable String secret;

  /**
   * How nodes know each other.
   *
   * @param node this one's name
   * @param tls null: by the secret
   * @param secret null: by TLS
   */
  public record Terms(
      String node, String cluster, @Nullable TlsFiles tls, @Nullable String secret) {
    /** Without the secret. */
    @Override
    public String toString() {
      return "Terms[node=" + node + ", cluster=" + cluster + "]";
    }
  }

  public NodeDialer(Vertx vertx, Terms terms) {
    this.vertx = vertx;
    this.node = terms.node();
    this.cluster = terms.cluster();
    this.secret = terms.secret();
    NetClientOptions options =
        new NetClientOptions().setConnectTimeout(CONNECT_MILLIS).setTcpKeepAlive(true);
    TlsFiles tls = terms.tls();
    if (tls != null) {
      secure(options, tls);
    }
    this.net = vertx.createNetClient(options);
  }

  private static void secure(NetClientOptions options, TlsFiles tls) {
    options.setSsl(true);
    options.setKeyCertOptions(
        new PemKeyCertOptions()
            .addCertPath(String.valueOf(tls.cert()))
            .addKeyPath(String.valueOf(tls.key())));
    options.setTrustOptions(new PemTrustOptions().addCertPath(String.valueOf(tls.ca())));
    // By the node's name, below: an address says nothing of who is there.
    options.setHostnameVerificationAlgorithm("");
    options.setEnabledSecureTransportProtocols(Set.of("TLSv1.3"));
  }

  /** This node's name, as the others are told it. */
  String node() {
    return node;
  }

  /** What this node shows where there is no TLS. */
  @Nullable String secret() {
    return secret;
  }

  /** Fails if nobody answers, or somebody who is not that node. */
  Future<NetSocket> connect(NodeAddress to) {
    return net.connect(to.port(), to.host())
        .compose(
            socket -> {
              if (secret != null) {
                return checked(socket, to);
              }
              if (isNode(socket, to.name())) {
                return Future.succeededFuture(socket);
              }
              var _ = socket.close();
              return Future.failedFuture(
                  new IOException("its certificate is not that of node " + to.name()));
            });
  }

  // The address is what a member says of itself, and members may be anybody's of this machine: the
  // secret goes to processes of this user, and of root, only.
  private Future<NetSocket> checked(NetSocket socket, NodeAddress to) {
    InetAddress host = InetAddress.ofLiteral(socket.remoteAddress().hostAddress());
    if (!host.isLoopbackAddress()) {
      var _ = socket.close();
      return Future.failedFuture(new IOException(to.host() + " is not on this machine"));
    }
    InetSocketAddress there = new InetSocketAddress(host, to.port());
    socket.pause();
    return vertx
        .executeBlocking(() -> Optional.ofNullable(Listeners.strangerAt(there)), false)
        .compose(
            stranger -> {
              if (stranger.isEmpty()) {
                socket.resume();
                return Future.succeededFuture(socket);
              }
              return Future.failedFuture(
                  new IOException(stranger.get() + ": it is no node of this user's"));
            })
        .onFailure(_ -> socket.close());
  }

  private boolean isNode(NetSocket socket, String name) {
    try {
      List<Certificate> chain = socket.peerCertificates();
      return !chain.isEmpty()
          && chain.getFirst() instanceof X509Certificate shown
          && Principals.isStrong(shown)
          && ("runnel://" + cluster + "/" + name).equals(Principals.ofCertificate(shown));
    } catch (SSLPeerUnverifiedException _) {
      return false;
    }
  }
}
