package dev.runnel.cli;

/** The command line's entry. */
public final class Cli {
  private final Surroundings surroundings;

  Cli(Surroundings surroundings) {
    this.surroundings = surroundings;
  }

  /** Runs a verb on the calling thread and returns the exit code. */
  public static int run(String[] args) {
    return new Cli(Surroundings.ofProcess()).run(CommandLine.ofProcess(args));
  }

  int run(CommandLine line) {
    try {
      return switch (line.size() == 0 ? "" : line.word(0)) {
        case "exec" -> new ExecVerb(surroundings, line).run();
        default -> throw Failure.usage("unknown verb");
      };
    } catch (Failure e) {
      surroundings.err().tryPrintLine(e.line());
      return e.exitCode();
    }
  }
}
