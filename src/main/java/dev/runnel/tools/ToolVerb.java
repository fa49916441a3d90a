package dev.runnel.tools;

import dev.runnel.cli.Arguments;
import dev.runnel.cli.CommandLine;
import dev.runnel.cli.Failure;
import dev.runnel.cli.Help;
import dev.runnel.cli.Option;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.List;

/**
 * What the verbs of this room have in common: one table of options, one way to say what is wrong.
 */
final class ToolVerb {
  private static final Option HELP = Option.flag("--help", "this text").or("-h");

  private final String word;
  private final String before;
  private final List<Option> options;
  private final String after;

  /**
   * @param word the verb
   * @param before what help prints before the options
   * @param after what it prints after them
   */
  ToolVerb(String word, String before, List<Option> options, String after) {
    this.word = word;
    this.before = before;
    this.options = new ArrayList<>(options);
    this.options.add(HELP);
    this.after = after;
  }

  /** What the verb does with its arguments; returns the exit code. */
  interface Body {
    int run(Arguments arguments) throws Failure, IOException, InterruptedException;
  }

  /** Runs it, and returns the exit code: 1 if a file is of no use, 2 if it is used wrongly. */
  int run(List<String> words, PrintStream out, PrintStream err, Body body) {
    List<String> line = new ArrayList<>(List.of(word));
    line.addAll(words);
    try {
      Arguments arguments = new Arguments(options, CommandLine.of(line.toArray(String[]::new)));
      arguments.readAnywhere();
      if (arguments.has(HELP)) {
        out.print(Help.of(before, List.of(new Help.Section("Options", options)), after));
        return 0;
      }
      return body.run(arguments);
    } catch (Failure e) {
      err.println("runnel: " + e.line() + " (see runnel " + word + " --help)");
      return e.exitCode();
    } catch (NoSuchFileException e) {
      err.println("runnel " + word + ": " + e.getMessage() + ": no such file");
    } catch (AccessDeniedException e) {
      err.println("runnel " + word + ": " + e.getMessage() + ": permission denied");
    } catch (IOException e) {
      err.println("runnel " + word + ": " + e.getMessage());
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
    return 1;
  }
}
