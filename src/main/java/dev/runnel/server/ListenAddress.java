package dev.runnel.server;

/** Where a listener listens. */
public sealed interface ListenAddress {
  /**
   * A TCP address.
   *
   * @param port 0: a free one is picked
   */
  record Tcp(String host, int port) implements ListenAddress {
    @Override
    public String toString() {
      return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
    }
  }

  /** A Unix socket; who may open it is who is let in. */
  record Unix(String path) implements ListenAddress {
    @Override
    public String toString() {
      return "unix:" + path;
    }
  }
}
