package dev.runnel.cli;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.util.List;

/** {@code runnel bench} up to its first measurement: arguments, and where the server is. */
public final class BenchEntry {
  private static final Option QUICK = Option.flag("--quick", "in 15 seconds instead of 80");
  private static final Option JSON = Option.flag("--json", "print one JSON object");
  private static final Help.Section SECTION =
      new Help.Section(
          "What", List.of(QUICK, JSON, ConnectionOptions.HOST, ConnectionOptions.TOKEN_FILE));

  private static final String BEFORE =
      """
      Usage: runnel bench [OPTION…]

      Measures what commands cost over Runnel, and in turns with that the floor: what the same
      costs this machine in bare system calls, without a server. Prints a table, ratios first; how
      far it is, on stderr. With -H or RUNNEL_HOST it measures that server, without TLS, and the
      floor is still this machine's; without, a server of its own. Nothing else should run meanwhile.
      """;
  private static final String AFTER =
      """
      Exit code: 0 it was measured; 2 wrong usage; 255 it could not be.

      Example:
        runnel bench --quick
      """;

  /** What it does once it knows what to measure. */
  public interface Benchmark {
    /** Measures, on the calling thread, and returns what to print on stdout. */
    String run(BenchOrder order) throws IOException;
  }

  private BenchEntry() {}

  public static VerbDefinition definition(Benchmark benchmark) {
    return new VerbDefinition(
        BEFORE,
        List.of(SECTION),
        AFTER,
        (context, arguments) -> {
          BenchOrder order = order(context, arguments);
          try {
            context.out().print(benchmark.run(order));
          } catch (IOException e) {
            throw Failure.of("bench: " + e.getMessage());
          }
          return 0;
        });
  }

  private static BenchOrder order(CliContext context, Arguments arguments) throws Failure {
    var _ = arguments.expectOperands();
    Target target = ConnectionOptions.target(arguments, context);
    Host host = target.host();
    return new BenchOrder(
        host == null ? null : address(host),
        host == null ? null : host.name(),
        target.token(),
        arguments.has(QUICK) ? BenchOrder.Effort.QUICK : BenchOrder.Effort.FULL,
        arguments.has(JSON) ? BenchOrder.Format.JSON : BenchOrder.Format.TABLE);
  }

  private static SocketAddress address(Host host) throws Failure {
    if (host instanceof Host.Unix unix) {
      return UnixDomainSocketAddress.of(unix.path());
    }
    Host.Tcp tcp = (Host.Tcp) host;
    if (tcp.cover() instanceof Host.Tls) {
      throw Failure.usage(
          "bench measures without TLS only, and "
              + tcp.name()
              + " is meant to be reached by it (expected: a Unix socket, or a server on this machine"
              + " without TLS)");
    }
    try {
      InetAddress address = InetAddress.getAllByName(tcp.address())[0];
      Connector.checkClear(tcp, address);
      return new InetSocketAddress(address, tcp.port());
    } catch (UnknownHostException _) {
      throw Failure.of("cannot reach " + host.name() + ": no such host");
    }
  }
}
