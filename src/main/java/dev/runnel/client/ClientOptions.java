package dev.runnel.client;

import io.vertx.core.net.ClientSSLOptions;
import io.vertx.core.net.ConnectOptions;
import io.vertx.core.net.SocketAddress;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Where a node is, how to get there, and for how long to come back to it. Immutable.
 *
 * @param token a secret; null: the node lets us in without
 * @param tls null: without. {@code tlsName} has to be in the node's certificate
 * @param connectTimeout how long one attempt may take, and how long a node may be silent that was
 *     asked for anything but a job's output
 * @param linger how long a lost connection is made anew, and how long a job of ours that says
 *     nothing else goes on without us; zero: the connection's loss is the job's end
 * @param heartbeat how often either side is to hear of the other, at least; three silent ones are a
 *     lost connection; null: the system tells. A node is asked for no more than one a second, and
 *     for no less than one an hour
 */
public record ClientOptions(
    SocketAddress address,
    @Nullable String token,
    @Nullable ClientSSLOptions tls,
    @Nullable String tlsName,
    Duration connectTimeout,
    Duration linger,
    @Nullable Duration heartbeat) {
  public static final int DEFAULT_PORT = 7866;
  public static final Duration DEFAULT_CONNECT_TIMEOUT = Duration.ofSeconds(10);
  public static final Duration DEFAULT_LINGER = Duration.ofSeconds(60);
  public static final Duration DEFAULT_HEARTBEAT = Duration.ofSeconds(10);
  private static final Duration MIN = Duration.ofMillis(1);

  public ClientOptions {
    check("connectTimeout", connectTimeout, MIN);
    check("linger", linger, Duration.ZERO);
    if (heartbeat != null) {
      check("heartbeat", heartbeat, MIN);
    }
  }

  private static void check(String what, Duration value, Duration min) {
    if (value.compareTo(min) < 0) {
      throw new IllegalArgumentException(what + ": " + value + " (expected: >= " + min + ")");
    }
  }

  /** A node in the network: jobs survive the loss of their connections. */
  public static ClientOptions tcp(String host, int port) {
    return new ClientOptions(
        SocketAddress.inetSocketAddress(port, host),
        null,
        null,
        null,
        DEFAULT_CONNECT_TIMEOUT,
        DEFAULT_LINGER,
        DEFAULT_HEARTBEAT);
  }

  /** A node on this machine: only a death ends a connection, and it ends the job. */
  public static ClientOptions unix(String path) {
    return new ClientOptions(
        SocketAddress.domainSocketAddress(path),
        null,
        null,
        null,
        DEFAULT_CONNECT_TIMEOUT,
        Duration.ZERO,
        null);
  }

  /** With a token, which is never sent in clear but to this machine. */
  public ClientOptions withToken(String other) {
    return new ClientOptions(address, other, tls, tlsName, connectTimeout, linger, heartbeat);
  }

  /** Through TLS, to a node whose certificate is for the host that we connect to. */
  public ClientOptions withTls(ClientSSLOptions other) {
    return withTls(other, address.host());
  }

  /** Through TLS, to a node whose certificate is for that name or address. */
  public ClientOptions withTls(ClientSSLOptions other, String name) {
    ClientSSLOptions checked = other.copy();
    if (checked.getHostnameVerificationAlgorithm() == null) {
      checked.setHostnameVerificationAlgorithm("HTTPS");
    }
    return new ClientOptions(address, token, checked, name, connectTimeout, linger, heartbeat);
  }

  /** With another time for an attempt. */
  public ClientOptions withConnectTimeout(Duration other) {
    return new ClientOptions(address, token, tls, tlsName, other, linger, heartbeat);
  }

  /** With another time to come back in. */
  public ClientOptions withLinger(Duration other) {
    return new ClientOptions(address, token, tls, tlsName, connectTimeout, other, heartbeat);
  }

  /** With other heartbeats. */
  public ClientOptions withHeartbeat(@Nullable Duration other) {
    return new ClientOptions(address, token, tls, tlsName, connectTimeout, linger, other);
  }

  boolean resumes() {
    return !linger.isZero();
  }

  /** The node, for people. */
  String name() {
    return address.isDomainSocket()
        ? "unix:" + address.path()
        : address.host() + ":" + address.port();
  }

  ConnectOptions connect() {
    ConnectOptions options =
        new ConnectOptions()
            .setRemoteAddress(address)
            .setTimeout((int) Math.min(Integer.MAX_VALUE, connectTimeout.toMillis()));
    if (tls != null && tlsName != null) {
      options.setSsl(true).setSslOptions(tls).setHost(tlsName).setPort(address.port());
      if (isName(tlsName)) {
        options.setSniServerName(tlsName);
      }
    }
    return options;
  }

  // RFC 6066: no addresses.
  private static boolean isName(String host) {
    return host.matches("[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?") && !host.matches("[0-9.]+");
  }

  /** Without the token, which is nobody's to print. */
  @Override
  public String toString() {
    return "ClientOptions[" + name() + ", tls=" + (tls != null) + ", linger=" + linger + "]";
  }
}
