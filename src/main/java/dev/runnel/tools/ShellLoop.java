package dev.runnel.tools;

import dev.runnel.cli.CommandOutcome;
import dev.runnel.cli.ShellSession;
import dev.runnel.model.Argument;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.Outcome;
import java.io.IOException;

/** Runs line after line; knows where, and how the last one went. For one thread. */
final class ShellLoop {
  private static final int LOST = 255;
  private static final String HELP =
      """
      Each line runs in a /bin/sh of its own, on the server: variables and functions do not last
      from one line to the next; join what belongs together with ; or &&. Here:
        cd [FOLDER]        changes where the next lines run
        exit [CODE], quit  ends, as Ctrl-D does
        help               prints this
      A shell with all it has is: runnel exec -t -- bash
      """;

  private final ShellSession runner;
  private final LineSource lines;
  private final WorkingDirectory directory;
  private CommandOutcome last = new CommandOutcome(0, null);

  ShellLoop(ShellSession runner, LineSource lines) {
    this.runner = runner;
    this.lines = lines;
    this.directory = new WorkingDirectory(runner);
  }

  /**
   * Blocks until there are no more lines; returns the last command's exit code, but no success if
   * the output of one before was lost.
   */
  int run() throws IOException {
    Argument line;
    while (!runner.isOutputGone()
        && !isBroken()
        && (line = lines.next(mark(last), directory.current())) != null) {
      String text = line.toString().strip();
      if (text.equals("quit") || text.equals("exit")) {
        break;
      }
      if (text.matches("exit[ \t]+[0-9]{1,3}")) {
        return Integer.parseInt(text.substring(5).strip()) & 0xFF;
      }
      if (text.equals("help")) {
        runner.print(HELP);
      } else if (!text.isEmpty()) {
        last =
            WorkingDirectory.isChange(text)
                ? directory.change(text)
                : runner.run(directory.spec(line));
      }
    }
    return runner.isOutputLost() && !runner.isOutputGone() ? LOST : last.exitCode();
  }

  // Somebody who types sees it; a script's next lines may depend on what was lost.
  private boolean isBroken() {
    return runner.isOutputLost() && !runner.isInteractive();
  }

  /** What the prompt tells of a command: its signal, its code, or nothing if that is 0. */
  private static String mark(CommandOutcome ran) {
    if (ran.end() != null
        && ran.end().outcome() == Outcome.SIGNALED
        && ran.end().status() instanceof ExitStatus.Signaled signaled) {
      return signaled.signalName();
    }
    return ran.exitCode() == 0 ? "" : "" + ran.exitCode();
  }
}
