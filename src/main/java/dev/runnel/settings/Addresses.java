package dev.runnel.settings;

import dev.runnel.server.ListenAddress;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Addresses of listeners as people write them. What is none is an IllegalArgumentException. */
final class Addresses {
  private static final String UNIX = "unix:";

  private Addresses() {}

  static List<ListenAddress> all(List<String> texts) {
    return texts.stream().map(Addresses::any).toList();
  }

  static ListenAddress any(String text) {
    if (text.startsWith(UNIX) && text.length() > UNIX.length()) {
      Path path = Path.of(text.substring(UNIX.length()));
      return new ListenAddress.Unix(path.toAbsolutePath().toString());
    }
    return tcp(text, "HOST:PORT, [V6]:PORT or unix:PATH");
  }

  /** The address itself rather than its name: nobody looks the name up again and gets another. */
  static ListenAddress.Tcp loopback(String text) {
    ListenAddress.Tcp tcp = tcp(text, "HOST:PORT or [V6]:PORT");
    InetAddress address = loopbackAddress(tcp);
    if (address == null) {
      throw new IllegalArgumentException(
          text + ": not a loopback address (expected: 127.0.0.1:PORT or [::1]:PORT)");
    }
    String host = address instanceof Inet6Address ? "::1" : address.getHostAddress();
    return new ListenAddress.Tcp(host, tcp.port());
  }

  /** Its address if that never leaves this machine, else null. */
  static @Nullable InetAddress loopbackAddress(ListenAddress.Tcp tcp) {
    try {
      InetAddress address = InetAddress.getByName(tcp.host());
      return address.isLoopbackAddress() ? address : null;
    } catch (UnknownHostException _) {
      return null;
    }
  }

  private static ListenAddress.Tcp tcp(String text, String expected) {
    int colon = text.lastIndexOf(':');
    String host = colon < 0 ? "" : text.substring(0, colon);
    boolean bracketed = host.startsWith("[") && host.endsWith("]");
    int port = host.isEmpty() || (host.indexOf(':') >= 0 && !bracketed) ? -1 : port(text, colon);
    if (port < 0) {
      throw new IllegalArgumentException(text + " (expected: " + expected + ")");
    }
    return new ListenAddress.Tcp(bracketed ? host.substring(1, host.length() - 1) : host, port);
  }

  // Negative: it is none.
  private static int port(String text, int colon) {
    try {
      int port = Integer.parseInt(text.substring(colon + 1));
      return port > 65_535 ? -1 : port;
    } catch (NumberFormatException _) {
      return -1;
    }
  }
}
