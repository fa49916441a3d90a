package dev.runnel;

import dev.runnel.cli.Cli;
import dev.runnel.config.DaemonExit;
import dev.runnel.config.Serve;
import dev.runnel.tools.BenchVerb;
import dev.runnel.tools.PlayVerb;
import dev.runnel.tools.PolicyVerb;
import dev.runnel.tools.ShellVerb;
import dev.runnel.tools.TokenVerb;
import dev.runnel.tools.bench.Practice;
import java.util.Arrays;
import java.util.List;

/** Where every verb begins. A client's verb loads nothing of the daemon's. */
public final class Main {
  private Main() {}

  public static void main(String[] arguments) {
    if (arguments.length > 0 && arguments[0].equals("serve")) {
      serve(arguments);
      return;
    }
    int exitCode = run(arguments);
    System.out.flush();
    System.err.flush();
    // Not System.exit, which looks for a logger of exits in every jar: 10 ms of a client's start.
    // What a client has to put away it has put away by now.
    Runtime.getRuntime().halt(exitCode);
  }

  private static void serve(String[] arguments) {
    DaemonExit exit = DaemonExit.prepare();
    int exitCode = run(arguments);
    System.out.flush();
    System.err.flush();
    exit.exit(exitCode);
  }

  private static int run(String[] arguments) {
    List<String> rest =
        arguments.length == 0 ? List.of() : Arrays.asList(arguments).subList(1, arguments.length);
    return switch (arguments.length == 0 ? "" : arguments[0]) {
      case "serve" -> Serve.run(rest, System.out, System.err);
      case "shell" -> ShellVerb.run(arguments);
      case "bench" -> BenchVerb.run(arguments);
      case "policy" -> PolicyVerb.run(rest, System.out, System.err);
      case "play" -> PlayVerb.run(rest, System.out, System.err);
      case "token" -> TokenVerb.run(rest, System.out, System.err);
      case "rehearse" -> Rehearsal.run(rest);
      case "practise" -> Cli.bench(arguments, Practice::run);
      default -> Cli.run(arguments);
    };
  }
}
