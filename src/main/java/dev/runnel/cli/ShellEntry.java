package dev.runnel.cli;

/** {@code runnel shell} up to its prompt: arguments, the connection, what is left to put away. */
final class ShellEntry {
  private final CliContext surroundings;
  private final Prompt prompt;

  ShellEntry(CliContext surroundings, Prompt prompt) {
    this.surroundings = surroundings;
    this.prompt = prompt;
  }

  int run(CommandLine line) {
    try {
      Arguments arguments = new Arguments(ConnectionOptions.TABLE, line);
      arguments.readAnywhere();
      if (arguments.has(ConnectionOptions.HELP)) {
        surroundings.out().print(ShellHelp.text());
        return 0;
      }
      var _ = arguments.expectOperands();
      return prompt(ConnectionOptions.target(arguments, surroundings));
    } catch (Failure e) {
      boolean usage = e.exitCode() == Failure.USAGE;
      if (e.exitCode() != Failure.STDOUT_GONE) {
        surroundings.err().tryPrintLine(e.line() + (usage ? " (see runnel shell --help)" : ""));
      }
      return usage ? Failure.OURS : e.exitCode();
    } catch (RuntimeException | Error e) {
      surroundings.err().tryPrintLine(Failure.bug(e).line());
      return Failure.OURS;
    }
  }

  private int prompt(Target target) throws Failure {
    try (ShellSession runner = new ShellSession(surroundings, target)) {
      // When a signal ends us: a server of our own would leave a folder otherwise.
      Runtime.getRuntime().addShutdownHook(new Thread(runner::leave, "leave"));
      surroundings.signals().on(QuitSignal.NAME, runner::quit);
      runner.open();
      return prompt.run(runner);
    }
  }
}
