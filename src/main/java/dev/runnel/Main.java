package dev.runnel;

import dev.runnel.bench.AotWarmup;
import dev.runnel.cli.Cli;
import dev.runnel.cli.StandardOutput;
import dev.runnel.cli.Verb;
import dev.runnel.daemon.DaemonExit;
import dev.runnel.daemon.Serve;
import dev.runnel.tools.BenchVerb;
import dev.runnel.tools.PlayVerb;
import dev.runnel.tools.PolicyVerb;
import dev.runnel.tools.ShellVerb;
import dev.runnel.tools.TokenVerb;
import java.util.Arrays;
import java.util.List;

/** Where every verb begins. A client's verb loads nothing of the daemon's. */
public final class Main {
  private static final int OURS = 255;

  private Main() {}

  public static void main(String[] arguments) {
    if (!isTrial() && arguments.length > 0 && arguments[0].equals("serve")) {
      serve(arguments);
      return;
    }
    int exitCode = isTrial() ? 0 : tryRun(arguments);
    System.out.flush();
    System.err.flush();
    // Not System.exit, which looks for a logger of exits in every jar: 10 ms of a client's start.
    // What a client has to put away it has put away by now.
    Runtime.getRuntime().halt(exitCode);
  }

  private static void serve(String[] arguments) {
    DaemonExit exit = DaemonExit.prepare();
    int exitCode = tryRun(arguments);
    System.out.flush();
    System.err.flush();
    exit.exit(exitCode);
  }

  // The launcher wants to know whether a JVM starts at all.
  private static boolean isTrial() {
    return System.getProperty("runnel.trial") != null;
  }

  // An exit code of the JVM's own would look like a command's.
  private static int tryRun(String[] arguments) {
    try {
      return run(arguments);
    } catch (RuntimeException | Error e) {
      System.err.println("runnel: " + e);
      return OURS;
    }
  }

  static int run(String[] arguments) {
    String word = arguments.length == 0 ? "" : arguments[0];
    Verb verb = Verb.of(word);
    if (verb != Verb.SERVE) {
      Cli.endByQuit();
    }
    if (verb == null) {
      return runUnlisted(word, arguments);
    }
    List<String> rest = rest(arguments);
    return switch (verb) {
      case SERVE -> serveOrHelp(rest);
      case SHELL -> ShellVerb.run(arguments);
      case BENCH -> BenchVerb.run(arguments);
      case POLICY -> StandardOutput.run(out -> PolicyVerb.run(rest, out, System.err));
      case PLAY -> StandardOutput.run(out -> PlayVerb.run(rest, out, System.err));
      case TOKEN -> StandardOutput.run(out -> TokenVerb.run(rest, out, System.err));
      case EXEC, RUN, PING, JOBS, STATUS, LOGS, ATTACH, WAIT, CANCEL, SIGNAL -> Cli.run(arguments);
      // Cli says that it does not know the launcher's own.
      case TEST, PACKAGE, HELP -> Cli.run(arguments);
    };
  }

  /** Those of training are no user's, and what else there is are options, or mistakes. */
  private static int runUnlisted(String word, String[] arguments) {
    return switch (word) {
      case "rehearse" -> AotTraining.run(rest(arguments));
      case "practise" -> Cli.bench(arguments, AotWarmup::run);
      default -> Cli.run(arguments);
    };
  }

  private static List<String> rest(String[] arguments) {
    return Arrays.asList(arguments).subList(1, arguments.length);
  }

  // A server prints only where it listens, and is not ended for want of a reader of that.
  private static int serveOrHelp(List<String> arguments) {
    return arguments.contains("--help") || arguments.contains("-h")
        ? StandardOutput.run(out -> Serve.run(arguments, out, System.err))
        : Serve.run(arguments, System.out, System.err);
  }
}
