package dev.runnel.settings;

import dev.runnel.cli.Durations;
import dev.runnel.cluster.ClusterOptions;
import dev.runnel.server.ListenAddress;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Addresses of listeners, and names of nodes, as people write them. What is none is an
 * IllegalArgumentException.
 */
final class Addresses {
  private static final String UNIX = "unix:";
  private static final String DNS = "dns:";
  private static final int LAST_PORT = 65_535;

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

  /** The address itself, as the others are told it. */
  static ListenAddress.Tcp member(String text) {
    ListenAddress.Tcp tcp = tcp(text, "HOST:PORT or [V6]:PORT");
    try {
      InetAddress address = InetAddress.getByName(tcp.host());
      if (address.isAnyLocalAddress()) {
        throw new IllegalArgumentException(
            text + ": every address of this machine (expected: the one that other nodes use)");
      }
      if (tcp.port() == 0 || tcp.port() == LAST_PORT) {
        throw new IllegalArgumentException(text + " (expected: a port from 1 to 65534)");
      }
      return new ListenAddress.Tcp(address.getHostAddress(), tcp.port());
    } catch (UnknownHostException _) {
      throw new IllegalArgumentException(text + ": no such host");
    }
  }

  /** Where members may be, each as HOST or HOST:PORT. */
  static List<String> members(List<String> texts) {
    List<String> members = new ArrayList<>();
    for (String text : texts) {
      for (String each : text.split(",", -1)) {
        members.add(joined(each.strip()));
      }
    }
    return members;
  }

  private static String joined(String text) {
    String expected = "HOST, HOST:PORT, [V6]:PORT or dns:NAME";
    if (text.startsWith(DNS)) {
      return joined(text.substring(DNS.length()));
    }
    if (text.matches("[A-Za-z0-9._-]+")) {
      return text + ":" + ClusterOptions.DEFAULT_PORT;
    }
    return tcp(text, expected).toString();
  }

  static String nodeName(String text) {
    return named(text, ClusterOptions.NAME);
  }

  static String clusterName(String text) {
    return named(text, ClusterOptions.NAME);
  }

  private static String named(String text, String pattern) {
    if (!text.matches(pattern)) {
      throw new IllegalArgumentException(text + " (expected: " + pattern + ")");
    }
    return text;
  }

  static Map<String, String> labels(List<String> texts) {
    Map<String, String> labels = new TreeMap<>();
    for (String text : texts) {
      int equals = text.indexOf('=');
      if (equals < 0) {
        throw new IllegalArgumentException(text + " (expected: KEY=VALUE)");
      }
      String key = named(text.substring(0, equals), ClusterOptions.NAME);
      if (labels.put(key, named(text.substring(equals + 1), ClusterOptions.NAME)) != null) {
        throw new IllegalArgumentException(key + ": given twice");
      }
    }
    if (labels.size() > ClusterOptions.MAX_LABELS) {
      throw new IllegalArgumentException(
          labels.size() + " labels (limit: " + ClusterOptions.MAX_LABELS + ")");
    }
    return labels;
  }

  static Duration silence(String text) {
    Duration time = Durations.parse(text);
    if (time.toSeconds() < 2 || time.toSeconds() > 3_600) {
      throw new IllegalArgumentException(text + " (expected: from 2s to 1h)");
    }
    return time;
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

  /** Whether a place to join never leaves this machine, whatever a name server says. */
  static boolean isLoopback(String joined) {
    ListenAddress.Tcp tcp = tcp(joined, "HOST:PORT");
    return tcp.host().matches("127[.][0-9.]+|[0:]+1|localhost") && loopbackAddress(tcp) != null;
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
