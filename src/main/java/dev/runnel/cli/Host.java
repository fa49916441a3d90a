package dev.runnel.cli;

import dev.runnel.tls.TlsFiles;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Where a server listens: {@code host[:port]}, {@code [v6]:port} or {@code unix:PATH}. */
sealed interface Host {
  int DEFAULT_PORT = 7866;

  /** As people name it. */
  String name();

  /**
   * A TCP address.
   *
   * @param next another node of the same cluster, which is as good; null: there is none
   */
  record Tcp(String address, int port, Cover cover, @Nullable Tcp next) implements Host {
    /** One that goes without TLS, and without a secret. */
    Tcp(String address, int port) {
      this(address, port, Clear.WITHOUT_TOKEN, null);
    }

    Tcp with(Cover other) {
      boolean ofAddress = other instanceof Tls tls && tls.name().equals(address);
      Tcp after = next;
      Tcp covered =
          after == null
              ? null
              : after.with(
                  ofAddress && other instanceof Tls tls
                      ? new Tls(tls.files(), after.address())
                      : other);
      return new Tcp(address, port, other, covered);
    }

    @Override
    public String name() {
      return (address.indexOf(':') < 0 ? address : "[" + address + "]") + ":" + port;
    }
  }

  /** What keeps a connection from being read on its way. */
  sealed interface Cover {}

  /** Nothing does. */
  enum Clear implements Cover {
    WITHOUT_TOKEN,
    /** It may not leave this machine. */
    WITH_TOKEN
  }

  /**
   * TLS, with the server's certificate checked, and ours shown if there is one.
   *
   * @param name that its certificate has to have
   */
  record Tls(TlsFiles files, String name) implements Cover {}

  record Unix(Path path) implements Host {
    @Override
    public String name() {
      return "unix:" + path;
    }
  }

  /**
   * Reads what was given.
   *
   * @param source where it came from, for the message
   */
  static Host parse(String source, String text) throws Failure {
    if (text.startsWith("unix:")) {
      return unix(source, text);
    }
    int comma = text.indexOf(',');
    if (comma >= 0) {
      if (parse(source, text.substring(0, comma))
              instanceof Tcp(var address, int port, var cover, _)
          && parse(source, text.substring(comma + 1)) instanceof Tcp next) {
        return new Tcp(address, port, cover, next);
      }
      throw wrong(source, text);
    }
    if (text.startsWith("[")) {
      int close = text.indexOf(']');
      if (close < 2 || (close + 1 < text.length() && text.charAt(close + 1) != ':')) {
        throw wrong(source, text);
      }
      String port = close + 1 == text.length() ? null : text.substring(close + 2);
      return tcp(source, text, text.substring(1, close), port);
    }
    int scheme = text.indexOf("://");
    if (scheme > 0) {
      throw Failure.usage(
          source
              + ": "
              + text
              + " (a host has no scheme: "
              + text.substring(scheme + 3).replaceFirst("/.*", "")
              + ")");
    }
    if (text.indexOf('/') >= 0 && text.indexOf(':') < 0) {
      throw Failure.usage(
          source
              + ": "
              + text
              + " (the path of a Unix socket begins with unix: unix:"
              + text
              + ")");
    }
    int colon = text.indexOf(':');
    if (colon < 0) {
      return tcp(source, text, text, null);
    }
    if (text.indexOf(':', colon + 1) >= 0) {
      throw Failure.usage(
          source + ": " + text + " (an IPv6 address stands in brackets: [" + text + "]:7866)");
    }
    return tcp(source, text, text.substring(0, colon), text.substring(colon + 1));
  }

  private static Host unix(String source, String text) throws Failure {
    String path = text.substring("unix:".length());
    if (path.isEmpty()) {
      throw wrong(source, text);
    }
    try {
      return new Unix(Path.of(path));
    } catch (InvalidPathException _) {
      throw wrong(source, text);
    }
  }

  private static Host tcp(String source, String text, String address, @Nullable String port)
      throws Failure {
    if (address.isEmpty() || address.indexOf('/') >= 0 || address.indexOf(' ') >= 0) {
      throw wrong(source, text);
    }
    if (address.charAt(0) == '-' || address.charAt(0) == '=') {
      throw wrong(source, text);
    }
    if (address.indexOf('@') >= 0) {
      throw Failure.usage(source + ": " + text + " (a host only: the user goes into --user NAME)");
    }
    if (port == null) {
      return new Tcp(address, DEFAULT_PORT);
    }
    int number = 0;
    for (int i = 0; i < port.length() && number >= 0; i++) {
      int digit = port.charAt(i) - '0';
      number = digit < 0 || digit > 9 || number > 65_535 ? -1 : number * 10 + digit;
    }
    if (number < 1 || number > 65_535) {
      throw Failure.usage(source + ": port " + port + " (expected: from 1 to 65535)");
    }
    return new Tcp(address, number);
  }

  private static Failure wrong(String source, String text) {
    return Failure.usage(
        source + ": " + text + " (expected: host, host:port, [v6]:port or unix:PATH)");
  }
}
