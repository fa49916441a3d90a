package dev.runnel.tools;

import dev.runnel.cli.ShellEntry;
import dev.runnel.cli.ShellSession;
import dev.runnel.cli.VerbDefinition;
import java.io.IOException;

/** The verb {@code shell}: a prompt at somebody else's machine. */
public final class ShellVerb {
  private static final int OURS = 255;

  public static final VerbDefinition DEFINITION = ShellEntry.definition(ShellVerb::prompt);

  private ShellVerb() {}

  private static int prompt(ShellSession runner) {
    try {
      TerminalLines typed = runner.isInteractive() ? TerminalLines.open(runner) : null;
      if (typed == null) {
        return new ShellLoop(runner, new PlainLines(System.in)).run();
      }
      try (typed) {
        runner.tell("connected to " + runner.host() + "; exit or Ctrl-D ends, help tells more");
        int code = new ShellLoop(runner, typed).run();
        return runner.isOutputGone() ? code : 0;
      }
    } catch (IOException e) {
      runner.tell("cannot read what to run: " + e.getMessage());
      return OURS;
    }
  }
}
