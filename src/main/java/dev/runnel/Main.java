package dev.runnel;

import dev.runnel.bench.AotWarmup;
import dev.runnel.bench.Bench;
import dev.runnel.cli.BenchEntry;
import dev.runnel.cli.Cli;
import dev.runnel.cli.CliContext;
import dev.runnel.cli.Failure;
import dev.runnel.cli.FanOutOrder;
import dev.runnel.cli.Verb;
import dev.runnel.cli.VerbDefinition;
import dev.runnel.daemon.DaemonExit;
import dev.runnel.daemon.Serve;
import dev.runnel.fanout.FanOut;
import dev.runnel.tools.PlayVerb;
import dev.runnel.tools.PolicyVerb;
import dev.runnel.tools.ShellVerb;
import dev.runnel.tools.TokenVerb;
import java.util.List;
import org.jspecify.annotations.Nullable;

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
    // Named by words: a client's verb that logs nothing loads nothing of it.
    System.setProperty("slf4j.provider", "dev.runnel.daemon.LogProvider");
    System.setProperty("slf4j.internal.verbosity", "WARN");
    String word = arguments.length == 0 ? "" : arguments[0];
    if (Verb.of(word) != Verb.SERVE) {
      Cli.endByQuit();
    }
    return switch (word) {
      // Those of training are no user's.
      case "rehearse" -> AotTraining.run(List.of(arguments).subList(1, arguments.length));
      case "practise" -> Cli.run(arguments, BenchEntry.definition(AotWarmup::run));
      default -> Cli.run(arguments, Main::definition);
    };
  }

  // Not a lambda: each kind costs every start of a client milliseconds.
  private static final class ManyNodes implements Cli.FanOut {
    @Override
    public int run(FanOutOrder order, CliContext context) throws Failure, InterruptedException {
      return FanOut.run(order, context);
    }
  }

  /** Null: the launcher's, or Cli's own. */
  private static @Nullable VerbDefinition definition(Verb verb) {
    return switch (verb) {
      case SERVE -> Serve.DEFINITION;
      case EXEC -> Cli.exec(new ManyNodes());
      case SHELL -> ShellVerb.DEFINITION;
      case BENCH -> BenchEntry.definition(order -> Bench.run(order, System.err));
      case POLICY -> PolicyVerb.DEFINITION;
      case PLAY -> PlayVerb.DEFINITION;
      case TOKEN -> TokenVerb.DEFINITION;
      default -> Cli.definition(verb);
    };
  }
}
