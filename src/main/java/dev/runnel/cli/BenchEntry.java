package dev.runnel.cli;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.util.List;

/** {@code runnel bench} up to its first measurement: arguments, and where the server is. */
final class BenchEntry {
  private static final Option QUICK = Option.flag("--quick", "in 15 seconds instead of 80");
  private static final Option JSON = Option.flag("--json", "print one JSON object");
  private static final Help.Section SECTION =
      new Help.Section(
          "What",
          List.of(
              QUICK,
              JSON,
              ConnectionOptions.HOST,
              ConnectionOptions.TOKEN_FILE,
              ConnectionOptions.HELP));

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

  private final CliContext surroundings;
  private final Benchmark benchmark;

  BenchEntry(CliContext surroundings, Benchmark benchmark) {
    this.surroundings = surroundings;
    this.benchmark = benchmark;
  }

  static String help() {
    return Help.of(BEFORE, List.of(SECTION), AFTER);
  }

  int run(CommandLine line) {
    try {
      Arguments arguments = new Arguments(SECTION.options(), line);
      arguments.readAnywhere();
      boolean help = arguments.has(ConnectionOptions.HELP);
      surroundings.out().print(help ? help() : measure(arguments));
      return 0;
    } catch (Failure e) {
      boolean usage = e.exitCode() == Failure.USAGE;
      if (e.exitCode() != Failure.STDOUT_GONE) {
        surroundings.err().tryPrintLine(e.line() + (usage ? " (see runnel bench --help)" : ""));
      }
      return e.exitCode();
    } catch (IOException e) {
      surroundings.err().tryPrintLine("bench: " + e.getMessage());
      return Failure.OURS;
    } catch (RuntimeException | Error e) {
      surroundings.err().tryPrintLine(Failure.bug(e).line());
      return Failure.OURS;
    }
  }

  private String measure(Arguments arguments) throws Failure, IOException {
    var _ = arguments.expectOperands();
    Target target = ConnectionOptions.target(arguments, surroundings);
    Host host = target.host();
    return benchmark.run(
        new BenchOrder(
            host == null ? null : address(host),
            host == null ? null : host.name(),
            target.token(),
            arguments.has(QUICK) ? BenchOrder.Effort.QUICK : BenchOrder.Effort.FULL,
            arguments.has(JSON) ? BenchOrder.Format.JSON : BenchOrder.Format.TABLE));
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
