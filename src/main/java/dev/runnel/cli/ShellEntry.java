package dev.runnel.cli;

import java.util.List;

/** {@code runnel shell} up to its prompt: arguments, the connection, what is left to put away. */
public final class ShellEntry {
  private static final String BEFORE =
      """
      Usage: runnel shell [OPTION…]

      A prompt: each line runs on HOST in /bin/sh, and its output is streamed back; without a host,
      on this machine. cd changes where the next lines run; exit or Ctrl-D ends. Variables do not
      last: each line has a shell of its own. Ctrl-C is sent to the command, a second one cancels
      it, a third waits for it no more; none ends the shell. An exit code that is not 0, or the
      signal, stands before the next prompt. Commands have no stdin. Lines are kept in
      ~/.local/state/runnel/history, or in the like folder of XDG_STATE_HOME.

      If stdin is no terminal, its lines run without a prompt.
      """;

  private static final String AFTER =
      """
      TIME has a unit: 500ms, 30s, 5m, 2h.

      Exit code: 0 from a terminal; else exit's, or the last command's, as of runnel exec. 255: wrong usage, no
      server.

      Examples:
        runnel shell -H build-1
        printf 'cd /src\\nmake test\\n' | runnel shell -H build-1
      """;

  /** What it does once its server is found. */
  public interface Prompt {
    /** Runs on the calling thread until there is no more to run, and returns the exit code. */
    int run(ShellSession runner);
  }

  private ShellEntry() {}

  public static VerbDefinition definition(Prompt prompt) {
    return new VerbDefinition(
        BEFORE,
        List.of(ConnectionOptions.SECTION),
        AFTER,
        VerbDefinition.Code.OF_COMMAND,
        (context, arguments) -> {
          var _ = arguments.expectOperands();
          return prompt(context, ConnectionOptions.target(arguments, context), prompt);
        });
  }

  private static int prompt(CliContext context, Target target, Prompt prompt) throws Failure {
    try (ShellSession runner = new ShellSession(context, target)) {
      // When a signal ends us: a server of our own would leave a folder otherwise.
      Runtime.getRuntime().addShutdownHook(new Thread(runner::leave, "leave"));
      context.signals().on(QuitSignal.NAME, runner::quit);
      runner.open();
      return prompt.run(runner);
    }
  }
}
