package dev.runnel.tools;

import dev.runnel.cli.CommandOutcome;
import dev.runnel.cli.ShellSession;
import dev.runnel.model.Argument;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.End;
import dev.runnel.model.StartFailure;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Where lines run. The server's shell finds out what a {@code cd} means. For one thread. */
final class WorkingDirectory {
  /** With one of these, unless quoted, a line is more than a {@code cd}. */
  private static final String OPERATORS = ";&|<>()`\n";

  private final ShellSession runner;

  /** Null: where the daemon stands. */
  private @Nullable String current;

  private @Nullable String previous;

  WorkingDirectory(ShellSession runner) {
    this.runner = runner;
  }

  /** Where the next line runs; null: where the daemon stands. */
  @Nullable String current() {
    return current;
  }

  /** Whether the line is a {@code cd} and nothing else. */
  static boolean isChange(String line) {
    return line.equals("cd")
        || ((line.startsWith("cd ") || line.startsWith("cd\t")) && !hasOperator(line));
  }

  private static boolean hasOperator(String line) {
    char quote = 0;
    for (int i = 0; i < line.length(); i++) {
      char c = line.charAt(i);
      if (c == '\\' && quote != '\'') {
        i++;
      } else if (quote != 0) {
        quote = c == quote ? 0 : quote;
      } else if (c == '\'' || c == '"') {
        quote = c;
      } else if (OPERATORS.indexOf(c) >= 0) {
        return true;
      }
    }
    return false;
  }

  /** A shell line that runs here. */
  CommandSpec spec(Argument line) {
    return spec(line, current, Map.of());
  }

  /** Asks the server where a {@code cd} leads, prints it and stays there; or changes nothing. */
  CommandOutcome change(String line) {
    ByteArrayOutputStream answer = new ByteArrayOutputStream();
    CommandOutcome ran = ask(line, current, answer);
    if (isCurrentGone(ran)) {
      // Else nobody could ever leave it.
      ran = ask(line, "/", answer);
    }
    return ran.exitCode() == 0 ? enter(ran, answer.toByteArray()) : ran;
  }

  // On lines of their own: the line may end in a comment. What cd prints itself is not the answer.
  private CommandOutcome ask(String line, @Nullable String from, ByteArrayOutputStream answer) {
    String script = "set -e\n{ " + line + "\n} >/dev/null\npwd -P";
    Map<String, @Nullable String> env = new HashMap<>();
    env.put("OLDPWD", previous);
    return runner.run(spec(Argument.of(script), from, env), Channels.newChannel(answer));
  }

  private static boolean isCurrentGone(CommandOutcome ran) {
    End end = ran.end();
    return end != null && end.failure() != null && end.failure().at() == StartFailure.At.CWD;
  }

  private CommandOutcome enter(CommandOutcome ran, byte[] answer) {
    try {
      String path = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(answer)).toString();
      if (!path.startsWith("/") || !path.endsWith("\n")) {
        runner.tell("cd: the server answered no path");
        return new CommandOutcome(1, null);
      }
      String entered = path.substring(0, path.length() - 1);
      previous = entered.equals(current) ? previous : current;
      current = entered;
      runner.print(path);
      return ran;
    } catch (CharacterCodingException _) {
      runner.tell("cd: the directory's name is not UTF-8, and so can't be kept");
      return new CommandOutcome(1, null);
    }
  }

  private static CommandSpec spec(
      Argument line, @Nullable String cwd, Map<String, @Nullable String> env) {
    return new CommandSpec(
        CommandSpec.shellArgv(line), cwd, env, CommandSpec.Stderr.SEPARATE, CommandSpec.Stdin.NULL);
  }
}
