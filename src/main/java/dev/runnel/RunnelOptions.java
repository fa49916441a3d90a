package dev.runnel;

import dev.runnel.security.identity.Tokens;
import dev.runnel.server.ListenAddress;
import dev.runnel.service.EventBusAddresses;
import dev.runnel.settings.Limit;
import dev.runnel.tls.TlsFiles;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What an embedded Runnel is to do. Immutable.
 *
 * @param address on the event bus, where {@link dev.runnel.eventbus.CommandBus} asks
 * @param listen where clients may connect; none: the event bus is the only way in
 * @param tokens that TCP clients need; null: none, which lets in whoever reaches the listener
 * @param tls what the TCP listener needs for TLS; null: it goes without
 * @param limits other than the defaults
 */
public record RunnelOptions(
    String address,
    List<ListenAddress> listen,
    @Nullable Tokens tokens,
    @Nullable TlsFiles tls,
    Map<Limit, Long> limits) {

  public RunnelOptions {
    listen = List.copyOf(listen);
    limits = Map.copyOf(limits);
    if (tls != null && (tls.cert() == null || tls.key() == null)) {
      throw new IllegalArgumentException("tls: " + tls + " (expected: a certificate and its key)");
    }
  }

  /** The event bus alone, at {@link EventBusAddresses#DEFAULT_ADDRESS}. */
  public RunnelOptions() {
    this(EventBusAddresses.DEFAULT_ADDRESS, List.of(), null, null, Map.of());
  }

  /** Another address: two on one Vertx that are not to share their work each need their own. */
  public RunnelOptions withAddress(String other) {
    return new RunnelOptions(other, listen, tokens, tls, limits);
  }

  /** A TCP listener, for clients with one of the tokens. Port 0: a free one. */
  public RunnelOptions withListener(String host, int port, Tokens known) {
    return listeningOn(new ListenAddress.Tcp(host, port), known);
  }

  /** A TCP listener that lets in whoever reaches it: as good as a shell for them. */
  public RunnelOptions withInsecureListener(String host, int port) {
    return listeningOn(new ListenAddress.Tcp(host, port), null);
  }

  // The only one on TCP: who is let in there is the same everywhere.
  private RunnelOptions listeningOn(ListenAddress.Tcp where, @Nullable Tokens known) {
    List<ListenAddress> all = new ArrayList<>(listen);
    all.removeIf(ListenAddress.Tcp.class::isInstance);
    all.add(where);
    return new RunnelOptions(address, all, known, tls, limits);
  }

  /** TLS for the TCP listener, with these PEM files, which are read when it is deployed. */
  public RunnelOptions withTls(Path cert, Path key) {
    return withTls(new TlsFiles(null, cert, key));
  }

  /** The same; if there is a CA, clients are known by its certificates as well as by tokens. */
  public RunnelOptions withTls(TlsFiles files) {
    return new RunnelOptions(address, listen, tokens, files, limits);
  }

  /** One more listener: a Unix socket that only the user of this JVM may open. */
  public RunnelOptions withUnixListener(String path) {
    List<ListenAddress> more = new ArrayList<>(listen);
    more.add(new ListenAddress.Unix(path));
    return new RunnelOptions(address, more, tokens, tls, limits);
  }

  /**
   * Another limit.
   *
   * @throws IllegalArgumentException if it is out of the limit's bounds
   */
  public RunnelOptions withLimit(Limit limit, long value) {
    Map<Limit, Long> more = new EnumMap<>(Limit.class);
    more.putAll(limits);
    more.put(limit, limit.check(value));
    return new RunnelOptions(address, listen, tokens, tls, more);
  }
}
