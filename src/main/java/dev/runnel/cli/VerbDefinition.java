package dev.runnel.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * How a verb is used, and what it does. The table of options is the one by which its arguments are
 * read, that its help prints, and that shells complete.
 *
 * @param before what help prints before the options
 * @param sections the options; every verb has {@code --help} besides
 * @param after what help prints after them
 * @param code whose exit codes it has
 * @param order where options may stand
 */
public record VerbDefinition(
    String before, List<Help.Section> sections, String after, Code code, Order order, Body body) {
  static final Option HELP = Option.flag("--help", "show this").or("-h");

  /** Whose codes a verb ends with. */
  public enum Code {
    /** Its own: 2 is wrong usage. */
    OWN,
    /** A command's, which may be any but 255. */
    OF_COMMAND;

    /** What a failure of ours ends with that has this code where it cannot be a command's. */
    int instead(int own) {
      return this == OF_COMMAND ? Failure.OURS : own;
    }
  }

  /** Where options may stand. */
  enum Order {
    ANYWHERE,
    /** What follows the first operand is the command's. */
    BEFORE_OPERANDS
  }

  /** What a verb does. */
  @FunctionalInterface
  public interface Body {
    /**
     * Does it on the calling thread, and returns the exit code.
     *
     * @throws IOException a file is of no use, which is exit code 1
     */
    int run(CliContext context, Arguments arguments)
        throws Failure, IOException, InterruptedException;

    /** Tells what is wrong with the arguments, of which those before it were read. */
    default int refuse(CliContext context, Arguments read, Failure failure) throws Failure {
      throw failure;
    }
  }

  public VerbDefinition(
      String before, List<Help.Section> sections, String after, Code code, Body body) {
    this(before, sections, after, code, Order.ANYWHERE, body);
  }

  /** Adds {@code --help} to the last section. */
  public VerbDefinition {
    List<Help.Section> all = new ArrayList<>(sections);
    Help.Section last = all.isEmpty() ? new Help.Section("Options", List.of()) : all.removeLast();
    List<Option> options = new ArrayList<>(last.options());
    options.add(HELP);
    all.add(new Help.Section(last.title(), options));
    sections = all;
  }

  /** One with codes of its own. */
  public VerbDefinition(String before, List<Help.Section> sections, String after, Body body) {
    this(before, sections, after, Code.OWN, body);
  }

  /** Every option there is. */
  public List<Option> options() {
    List<Option> options = new ArrayList<>();
    for (Help.Section section : sections) {
      options.addAll(section.options());
    }
    return options;
  }

  /** What {@code --help} prints. */
  String help() {
    return Help.of(before, sections, after);
  }

  int run(CliContext context, CommandLine line) throws Failure, IOException, InterruptedException {
    Arguments arguments = new Arguments(options(), line);
    try {
      if (order == Order.ANYWHERE) {
        arguments.readAnywhere();
      } else {
        arguments.read();
      }
    } catch (Failure e) {
      if (!arguments.has(HELP)) {
        return body.refuse(context, arguments, e);
      }
    }
    if (arguments.has(HELP)) {
      context.out().print(help());
      return 0;
    }
    return body.run(context, arguments);
  }
}
