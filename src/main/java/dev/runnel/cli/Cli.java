package dev.runnel.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The command line's entry: finds the verb. */
public final class Cli {
  /** What other programs call something like our verbs. */
  private static final Map<String, Verb> ELSEWHERE =
      Map.ofEntries(
          Map.entry("ps", Verb.JOBS),
          Map.entry("ls", Verb.JOBS),
          Map.entry("list", Verb.JOBS),
          Map.entry("top", Verb.JOBS),
          Map.entry("kill", Verb.CANCEL),
          Map.entry("rm", Verb.CANCEL),
          Map.entry("stop", Verb.CANCEL),
          Map.entry("start", Verb.RUN),
          Map.entry("ssh", Verb.EXEC),
          Map.entry("tail", Verb.LOGS),
          Map.entry("log", Verb.LOGS),
          Map.entry("inspect", Verb.STATUS));

  private final CliContext surroundings;

  Cli(CliContext surroundings) {
    this.surroundings = surroundings;
  }

  /** Runs a verb on the calling thread and returns the exit code. */
  public static int run(String[] args) {
    return new Cli(CliContext.ofProcess()).run(CommandLine.ofProcess(args));
  }

  /**
   * Runs {@code shell} on the calling thread and returns the exit code: arguments and connections
   * are read and made here, the prompt is another room's.
   */
  public static int shell(String[] args, Prompt prompt) {
    return new ShellEntry(CliContext.ofProcess(), prompt).run(CommandLine.ofProcess(args));
  }

  /** Runs {@code bench} on the calling thread and returns the exit code. */
  public static int bench(String[] args, Benchmark benchmark) {
    return new BenchEntry(CliContext.ofProcess(), benchmark).run(CommandLine.ofProcess(args));
  }

  /** Has SIGQUIT end this process, unless a verb does something else: no JVM does that. */
  public static void endByQuit() {
    CliContext.endByQuit();
  }

  /** Every verb, also those that other rooms answer. */
  public static List<String> verbs() {
    return new ArrayList<>(Verb.words());
  }

  /** What to say of a word that is no verb, and which one may have been meant. */
  public static String unknownVerb(String word) {
    if (word.startsWith("-")) {
      return "unknown option " + word + " (options come after the verb); see runnel --help";
    }
    Verb meant = ELSEWHERE.get(word);
    String nearest = meant == null ? DidYouMean.nearest(word, Verb.words()) : meant.word();
    return "unknown verb "
        + word
        + (nearest == null ? "" : " (did you mean " + nearest + "?)")
        + "; see runnel --help";
  }

  int run(CommandLine line) {
    String word = line.size() == 0 ? "" : line.word(0);
    try {
      return dispatch(word, line);
    } catch (Failure e) {
      boolean usage = e.exitCode() == Failure.USAGE && Verb.of(word) != null;
      String hint = usage ? " (see runnel " + word + " --help)" : "";
      if (e.exitCode() != Failure.STDOUT_GONE) {
        surroundings.err().tryPrintLine(e.line() + hint);
      }
      return e.exitCode();
    } catch (RuntimeException | Error e) {
      surroundings.err().tryPrintLine(Failure.bug(e).line());
      return Failure.OURS;
    }
  }

  private int dispatch(String word, CommandLine line) throws Failure {
    Verb verb = Verb.of(word);
    if (verb == null) {
      return dispatchUnlisted(word);
    }
    return switch (verb) {
      case EXEC -> new ExecVerb(surroundings, line).run();
      case RUN -> new RunVerb(surroundings, line).run();
      case PING -> PingVerb.run(surroundings, line);
      case JOBS -> JobsVerb.run(surroundings, line);
      case STATUS -> StatusVerb.run(surroundings, line);
      case LOGS -> LogsVerb.run(surroundings, line);
      case ATTACH -> AttachVerb.run(surroundings, line);
      case WAIT -> WaitVerb.run(surroundings, line);
      case CANCEL -> JobVerbs.cancel(surroundings, line);
      case SIGNAL -> JobVerbs.signal(surroundings, line);
      case HELP -> help(line);
      // Other rooms', or the launcher's.
      case SHELL, SERVE, BENCH, POLICY, PLAY, TOKEN, TEST, PACKAGE ->
          throw Failure.usage(unknownVerb(word));
    };
  }

  private int dispatchUnlisted(String word) throws Failure {
    return switch (word) {
      case "-h", "--help" -> print(Help.overview());
      case "version", "-V", "--version" -> print(version());
      case "" -> {
        print(Help.overview());
        // A script that lost its arguments has not done what it was to do.
        yield Failure.USAGE;
      }
      default -> throw Failure.usage(unknownVerb(word));
    };
  }

  private int help(CommandLine line) throws Failure {
    if (line.size() == 1 || line.word(1).startsWith("-")) {
      return print(Help.overview());
    }
    String word = line.word(1);
    Verb verb = Verb.of(word);
    if (verb == null) {
      throw Failure.usage(unknownVerb(word));
    }
    return print(
        switch (verb) {
          case EXEC -> ExecHelp.text();
          case SHELL -> ShellHelp.text();
          case BENCH -> BenchEntry.help();
          case PING -> PingVerb.help();
          case JOBS -> JobsVerb.help();
          case RUN -> RunVerb.help();
          case ATTACH -> AttachVerb.help();
          case LOGS -> LogsVerb.help();
          case WAIT -> WaitVerb.help();
          case STATUS -> StatusVerb.help();
          case CANCEL -> JobVerbs.cancelHelp();
          case SIGNAL -> JobVerbs.signalHelp();
          case HELP -> Help.overview();
          case SERVE, POLICY, PLAY, TOKEN, TEST, PACKAGE -> "See runnel " + word + " --help\n";
        });
  }

  private int print(String text) throws Failure {
    surroundings.out().print(text);
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
