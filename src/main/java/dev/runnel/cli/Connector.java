package dev.runnel.cli;

import dev.runnel.files.Listeners;
import dev.runnel.tls.ClientTls;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import jdk.net.ExtendedSocketOptions;
import org.jspecify.annotations.Nullable;

/** Connects to a server, with patience where it was asked for. */
final class Connector {
  private static final long FIRST_PAUSE_MILLIS = 20;
  private static final long MAX_PAUSE_MILLIS = 1_000;

  /** After so much silence a peer is asked whether it is still there, and so often. */
  private static final int KEEPALIVE_IDLE_SECONDS = 30;

  private static final int KEEPALIVE_INTERVAL_SECONDS = 10;
  private static final int KEEPALIVE_PROBES = 3;

  static {
    nameSelectorProvider();
  }

  private Connector() {}

  // Unless it is named, the JDK looks for others in every jar of the class path, for 20 ms.
  private static void nameSelectorProvider() {
    String key = "java.nio.channels.spi.SelectorProvider";
    String usual = "sun.nio.ch.EPollSelectorProvider";
    try {
      if (System.getProperty(key) == null && Class.forName(usual, false, null) != null) {
        System.setProperty(key, usual);
      }
    } catch (ClassNotFoundException _) {
      // Not a Linux, or a JDK that names it differently: then it shall look.
    }
  }

  /** Blocks until there is a connection; with patience, until the server takes us, too. */
  static BlockingConnection connect(Host host, Target target) throws Failure {
    Duration wait = target.patience();
    if (wait == null) {
      return connectOnce(host, target);
    }
    long start = System.nanoTime();
    long pause = FIRST_PAUSE_MILLIS;
    while (true) {
      long least;
      Failure failure;
      try {
        if (host instanceof Host.Tcp) {
          askWhetherWelcome(host, target);
        }
        return open(host, target.connectTimeout(), target.details());
      } catch (IOException e) {
        failure = unreachable(host, target.connectTimeout(), wait, e);
        least = 0;
      } catch (Failure e) {
        if (!e.isPassing()) {
          throw e;
        }
        failure = e;
        least = e.retryMillis();
      }
      target.detail(failure.line());
      long left = wait.toMillis() - (System.nanoTime() - start) / 1_000_000;
      if (left <= 0) {
        throw failure;
      }
      sleep(Math.min(Math.max(pause, least), left));
      pause = Math.min(2 * pause, MAX_PAUSE_MILLIS);
    }
  }

  // Over a connection of its own: what is to be done is sent in one go with the hello, and must not
  // be sent twice.
  private static void askWhetherWelcome(Host host, Target target) throws IOException, Failure {
    try (BlockingConnection asking = open(host, target.connectTimeout(), target.details())) {
      var _ = RequestClient.greet(asking, target.hello(), target.connectTimeout());
    } catch (Failure e) {
      // Of anything else the verb has more to say.
      if (e.isRefusal()) {
        throw e;
      }
    }
  }

  /** The same without patience. */
  static BlockingConnection connectOnce(Host host, Target target) throws Failure {
    return connectOnce(host, target, target.connectTimeout());
  }

  /** The same within that time. */
  static BlockingConnection connectOnce(Host host, Target target, Duration timeout) throws Failure {
    try {
      return open(host, timeout, target.details());
    } catch (IOException e) {
      throw unreachable(host, timeout, null, e);
    }
  }

  private static BlockingConnection open(
      Host host, Duration timeout, @Nullable OutputDescriptor details) throws IOException, Failure {
    if (host instanceof Host.Unix unix) {
      SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(unix.path()));
      if (details != null) {
        details.tryPrintLine("connected to " + host.name());
      }
      return new BlockingConnection(host, new PlainTransport(channel));
    }
    Host.Tcp tcp = (Host.Tcp) host;
    while (true) {
      Host.Tcp next = tcp.next();
      try {
        return connectTcp(tcp, timeout, details);
      } catch (IOException e) {
        if (next == null) {
          throw e;
        }
        tcp = next;
      }
    }
  }

  // All addresses of a name, one after the other, share the time.
  private static BlockingConnection connectTcp(
      Host.Tcp tcp, Duration timeout, @Nullable OutputDescriptor details)
      throws IOException, Failure {
    // Before the server counts its seconds until our first frame: on a busy machine it takes some.
    ClientTls tls = tcp.cover() instanceof Host.Tls cover ? TlsTransport.prepare(cover) : null;
    long deadline = System.nanoTime() + timeout.toNanos();
    IOException first = null;
    for (InetAddress address : InetAddress.getAllByName(tcp.address())) {
      checkClear(tcp, address);
      long millis = Math.max(1, (deadline - System.nanoTime()) / 1_000_000);
      SocketChannel channel = SocketChannel.open();
      try {
        configure(channel);
        InetSocketAddress there = new InetSocketAddress(address, tcp.port());
        if (details != null) {
          details.tryPrintLine("connecting to " + tcp.name() + " at " + show(there));
        }
        channel.socket().connect(there, (int) millis);
        checkListener(tcp, there);
        Transport transport =
            tls == null
                ? new PlainTransport(channel)
                : TlsTransport.open(
                    tcp, tls, channel, Duration.ofNanos(deadline - System.nanoTime()));
        if (details != null) {
          InetSocketAddress here = (InetSocketAddress) channel.getLocalAddress();
          details.tryPrintLine("connected from " + show(here) + ", " + transport.cover());
        }
        return new BlockingConnection(tcp, transport);
      } catch (IOException e) {
        if (details != null) {
          details.tryPrintLine("failed: " + reason(tcp, timeout, e));
        }
        channel.close();
        first = first == null ? e : first;
      } catch (Failure e) {
        channel.close();
        throw e;
      }
    }
    throw first == null ? new UnknownHostException(tcp.address()) : first;
  }

  private static String show(InetSocketAddress address) {
    return new Host.Tcp(address.getAddress().getHostAddress(), address.getPort()).name();
  }

  // By the address that is about to be used: whose name it is, others may decide.
  static void checkClear(Host.Tcp tcp, InetAddress address) throws Failure {
    if (tcp.cover() == Host.Clear.WITH_TOKEN && !address.isLoopbackAddress()) {
      throw Failure.usage(
          "the token would go to " + tcp.name() + " in clear (expected: --tls, or no token)");
    }
  }

  // It may be anybody's who took the port while the server was gone.
  private static void checkListener(Host.Tcp tcp, InetSocketAddress there) throws IOException {
    String stranger = tcp.cover() == Host.Clear.WITH_TOKEN ? Listeners.strangerAt(there) : null;
    if (stranger != null) {
      throw new StrangerException(
          stranger + ": the token is not sent (expected: us or root, or --tls, or -H unix:PATH)");
    }
  }

  /** What is connected to is not to have our token. */
  private static final class StrangerException extends IOException {
    private static final long serialVersionUID = 1;

    StrangerException(String message) {
      super(message);
    }
  }

  private static void configure(SocketChannel channel) throws IOException {
    channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
    channel.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
    try {
      channel.setOption(ExtendedSocketOptions.TCP_KEEPIDLE, KEEPALIVE_IDLE_SECONDS);
      channel.setOption(ExtendedSocketOptions.TCP_KEEPINTERVAL, KEEPALIVE_INTERVAL_SECONDS);
      channel.setOption(ExtendedSocketOptions.TCP_KEEPCOUNT, KEEPALIVE_PROBES);
    } catch (UnsupportedOperationException _) {
      // Then a silent peer is noticed as late as the system says.
    }
  }

  private static void sleep(long millis) throws Failure {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      throw Failure.of("interrupted while waiting for the server");
    }
  }

  private static Failure unreachable(
      Host host, Duration timeout, @Nullable Duration wait, IOException e) {
    String hint =
        e instanceof UnknownHostException || e instanceof StrangerException
            ? ""
            : wait == null
                ? "; --wait 30s retries until it is up"
                : "; tried for " + Durations.show(wait);
    return Failure.of("cannot reach " + host.name() + ": " + reason(host, timeout, e) + hint);
  }

  private static String reason(Host host, Duration timeout, IOException e) {
    return switch (e) {
      case UnknownHostException _ ->
          "no such host" + (host instanceof Host.Tcp tcp ? elsewhere(tcp.address()) : "");
      case SocketTimeoutException _ -> "no answer within " + Durations.show(timeout);
      case ConnectException refused when isRefused(refused) ->
          host instanceof Host.Tcp
              ? "connection refused: no server listens there"
              : "connection refused: its server is gone";
      default ->
          host instanceof Host.Unix unix
              ? reason(unix.path(), String.valueOf(e.getMessage()))
              : String.valueOf(e.getMessage());
    };
  }

  private static String reason(Path socket, String message) {
    if (Files.notExists(socket)) {
      return "there is no such socket";
    }
    Path whole = socket.toAbsolutePath();
    for (int i = 1; i < whole.getNameCount(); i++) {
      Path folder = whole.getRoot().resolve(whole.subpath(0, i));
      if (!Files.isExecutable(folder)) {
        return "the folder " + folder + " may not be entered (" + message + ")";
      }
    }
    return message;
  }

  // A name of the user's own may have been meant.
  private static String elsewhere(String name) {
    Path file = HostsFile.isName(name) ? HostsFile.of(System.getenv()) : null;
    return file != null && Files.exists(file) ? ", nor is it in " + file : "";
  }

  private static boolean isRefused(ConnectException e) {
    return String.valueOf(e.getMessage()).contains("refused");
  }
}
