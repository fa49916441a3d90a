package dev.runnel.cli;

import dev.runnel.model.Argument;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The command line's entry: finds the verb, runs it, and tells why it could not. */
public final class Cli {
  /** What other programs call something like our verbs. */
  private static final Map<String, Verb> ELSEWHERE =
      Map.ofEntries(
          Map.entry("ps", Verb.JOBS),
          Map.entry("ls", Verb.JOBS),
          Map.entry("list", Verb.JOBS),
          Map.entry("top", Verb.JOBS),
          Map.entry("kill", Verb.CANCEL),
          Map.entry("remove", Verb.RM),
          Map.entry("forget", Verb.RM),
          Map.entry("stop", Verb.CANCEL),
          Map.entry("start", Verb.RUN),
          Map.entry("tail", Verb.LOGS),
          Map.entry("log", Verb.LOGS),
          Map.entry("inspect", Verb.STATUS));

  private final CliContext context;
  private final Function<Verb, @Nullable VerbDefinition> definitions;

  /**
   * A command line with these verbs.
   *
   * @param definitions null: the verb is the launcher's
   */
  Cli(CliContext context, Function<Verb, @Nullable VerbDefinition> definitions) {
    this.context = context;
    this.definitions = definitions;
  }

  /**
   * Runs a verb on the calling thread and returns the exit code.
   *
   * @param definitions null: the verb is the launcher's
   */
  public static int run(String[] args, Function<Verb, @Nullable VerbDefinition> definitions) {
    return new Cli(CliContext.ofProcess(), definitions).run(CommandLine.ofProcess(args));
  }

  /** The same of one that is in no table: the first argument is its name. */
  public static int run(String[] args, VerbDefinition definition) {
    return new Cli(CliContext.ofProcess(), _ -> definition)
        .run(args[0], definition, CommandLine.ofProcess(args));
  }

  /** The definition of a verb of this room's; null: it is none. */
  public static @Nullable VerbDefinition definition(Verb verb) {
    return switch (verb) {
      case EXEC -> ExecVerb.DEFINITION;
      case SSH -> SshVerb.DEFINITION;
      case RUN -> RunVerb.DEFINITION;
      case CP -> CpVerb.DEFINITION;
      case PING -> PingVerb.DEFINITION;
      case HOSTS -> HostsVerb.DEFINITION;
      case JOBS -> JobsVerb.DEFINITION;
      case NODES -> NodesVerb.DEFINITION;
      case STATUS -> StatusVerb.DEFINITION;
      case LOGS -> LogsVerb.DEFINITION;
      case ATTACH -> AttachVerb.DEFINITION;
      case WAIT -> WaitVerb.DEFINITION;
      case CANCEL -> JobVerbs.CANCEL;
      case RM -> JobVerbs.RM;
      case SIGNAL -> JobVerbs.SIGNAL;
      default -> null;
    };
  }

  /** Has SIGQUIT end this process, unless a verb does something else: no JVM does that. */
  public static void endByQuit() {
    CliContext.endByQuit();
  }

  /** What to say of a word that is no verb, and which one may have been meant. */
  private static Failure unknown(String word) {
    if (Verb.of(word) != null) {
      return Failure.usage(word + ": only by the launcher, in a checkout");
    }
    if (word.startsWith("-")) {
      return Failure.usage(
          "unknown option " + word + " (options come after the verb); see runnel --help");
    }
    Verb meant = ELSEWHERE.get(word);
    String nearest = meant == null ? DidYouMean.nearest(word, Verb.words()) : meant.word();
    return Failure.usage(
        "unknown verb "
            + word
            + (nearest == null ? "" : " (did you mean " + nearest + "?)")
            + "; see runnel --help");
  }

  int run(CommandLine given) {
    CommandLine line = verbFirst(given);
    String word = line.size() == 0 ? "" : line.word(0);
    Verb verb = Verb.of(word);
    VerbDefinition definition = verb == null ? null : find(verb);
    return definition == null
        ? guard("", VerbDefinition.Code.OWN, () -> unlisted(word))
        : run(word, definition, line);
  }

  // docker, kubectl and git take what says where before the verb.
  private static CommandLine verbFirst(CommandLine line) {
    if (line.size() < 2 || line.word(0).length() < 2 || !line.word(0).startsWith("-")) {
      return line;
    }
    Arguments before = new Arguments(ConnectionOptions.SECTION.options(), line.behind(""));
    try {
      before.read();
    } catch (Failure _) {
      return line;
    }
    int verb = line.size() - before.operands().size();
    return verb == line.size() || before.isTerminated() ? line : line.first(verb);
  }

  private int run(String word, VerbDefinition definition, CommandLine line) {
    return guard(word, definition.code(), () -> definition.run(context, line));
  }

  private @Nullable VerbDefinition find(Verb verb) {
    return switch (verb) {
      case HELP ->
          new VerbDefinition(Help.overview(), List.of(), "", (_, arguments) -> help(arguments));
      case COMPLETION -> Completion.definition(definitions);
      default -> definitions.apply(verb);
    };
  }

  /** What ends with an exit code, one way or another. */
  private interface Call {
    int run() throws Failure, IOException, InterruptedException;
  }

  private int guard(String word, VerbDefinition.Code code, Call call) {
    try {
      return call.run();
    } catch (Failure e) {
      boolean usage = e.exitCode() == Failure.USAGE;
      if (e.exitCode() != Failure.STDOUT_GONE) {
        String hint = usage && !word.isEmpty() ? " (see runnel " + word + " --help)" : "";
        context.err().tryPrintLine(e.line() + hint);
      }
      return usage ? code.instead(Failure.USAGE) : e.exitCode();
    } catch (IOException e) {
      context.err().tryPrintLine("runnel " + word, Reasons.withFile(e));
      return code.instead(Failure.FILE);
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      return code.instead(Failure.FILE);
    } catch (RuntimeException | Error e) {
      context.err().tryPrintLine(Failure.bug(e).line());
      return Failure.OURS;
    }
  }

  private int unlisted(String word) throws Failure {
    return switch (word) {
      case "-h", "--help" -> print(Help.overview());
      case "version", "-V", "--version" -> print(version());
      case "" -> {
        print(Help.overview());
        // A script that lost its arguments has not done what it was to do.
        yield Failure.USAGE;
      }
      default -> throw unknown(word);
    };
  }

  private int help(Arguments arguments) throws Failure {
    List<Argument> operands = arguments.operands();
    if (operands.isEmpty()) {
      return print(Help.overview());
    }
    String word = operands.getFirst().toString();
    Verb verb = Verb.of(word);
    if (verb == null) {
      throw unknown(word);
    }
    VerbDefinition definition = find(verb);
    return print(definition == null ? "See runnel " + word + " --help\n" : definition.help());
  }

  private int print(String text) throws Failure {
    context.out().print(text);
    return 0;
  }

  private static String version() {
    String version = Cli.class.getPackage().getImplementationVersion();
    return "runnel "
        + (version == null ? "(not packaged)" : version)
        + ", protocol 1, Java "
        + Runtime.version().feature()
        + "\n";
  }
}
