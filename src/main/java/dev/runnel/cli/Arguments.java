package dev.runnel.cli;

import dev.runnel.model.Argument;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A verb's arguments, told apart by its table of options: options up to the first word that is none
 * or up to {@code --}; the rest are operands.
 */
final class Arguments {
  private final List<Option> table;
  private final CommandLine line;
  private final List<Given> given = new ArrayList<>();
  private int next = 1;

  /** An option that was given, and where its value stands: in that word, from that byte on. */
  private record Given(Option option, int word, int from) {
    boolean is(Option other) {
      return option.name().equals(other.name());
    }
  }

  /** Nothing is read yet; what {@link #read} read before a mistake can still be asked for. */
  Arguments(List<Option> table, CommandLine line) {
    this.table = table;
    this.line = line;
  }

  void read() throws Failure {
    while (next < line.size()) {
      String word = line.word(next);
      if (word.equals("--")) {
        next++;
        return;
      }
      if (word.length() < 2 || word.charAt(0) != '-') {
        return;
      }
      readOption(word);
    }
  }

  private void readOption(String word) throws Failure {
    int nameEnd =
        find(word) != null ? word.length() : word.startsWith("--") ? word.indexOf('=') : 2;
    String name = nameEnd < 0 ? word : word.substring(0, nameEnd);
    Option option = find(name);
    if (option == null) {
      throw unknown(name);
    }
    boolean attached = name.length() < word.length();
    if (!option.takesValue()) {
      if (attached) {
        throw Failure.usage(name + " takes no value: " + word);
      }
      given.add(new Given(option, next, 0));
    } else if (attached) {
      add(name, new Given(option, next, word.startsWith("--") ? nameEnd + 1 : nameEnd));
    } else {
      next++;
      if (next == line.size()) {
        throw Failure.usage(name + ": missing its value " + option.value());
      }
      add(name, new Given(option, next, 0));
    }
    next++;
  }

  // An unset variable of a script: taken for no option at all, it could take TLS or a token away.
  private void add(String name, Given one) throws Failure {
    if (line.word(one.word).length() == one.from) {
      throw Failure.usage(name + ": its value is empty (expected: " + one.option.value() + ")");
    }
    given.add(one);
  }

  private @Nullable Option find(String name) {
    for (Option option : table) {
      if (option.name().equals(name) || name.equals(option.letter())) {
        return option;
      }
    }
    return null;
  }

  private Failure unknown(String name) {
    List<String> names = new ArrayList<>();
    for (Option option : table) {
      names.add(option.name());
    }
    String nearest = Suggestion.nearest(name, names);
    return Failure.usage(
        "unknown option " + name + (nearest == null ? "" : " (did you mean " + nearest + "?)"));
  }

  boolean has(Option option) {
    return last(option) != null;
  }

  /** The option's value, the last if it was given more than once; null: it was not given. */
  @Nullable String value(Option option) throws Failure {
    Given last = last(option);
    return last == null ? null : text(last);
  }

  /** The same as the bytes it is. */
  @Nullable Argument bytes(Option option) {
    Given last = last(option);
    return last == null ? null : line.argument(last.word, last.from);
  }

  /** Every value the option was given. */
  List<String> values(Option option) throws Failure {
    List<String> values = new ArrayList<>();
    for (Given one : given) {
      if (one.is(option)) {
        values.add(text(one));
      }
    }
    return values;
  }

  /** The same as the bytes they are. */
  List<Argument> allBytes(Option option) {
    List<Argument> all = new ArrayList<>();
    for (Given one : given) {
      if (one.is(option)) {
        all.add(line.argument(one.word, one.from));
      }
    }
    return all;
  }

  private @Nullable Given last(Option option) {
    for (int i = given.size() - 1; i >= 0; i--) {
      if (given.get(i).is(option)) {
        return given.get(i);
      }
    }
    return null;
  }

  private String text(Given one) throws Failure {
    String text = line.word(one.word).substring(one.from);
    if (!line.isText(one.word)) {
      throw Failure.usage(one.option.name() + ": " + text + " (expected: UTF-8)");
    }
    return text;
  }

  /** What is left after the options, as many words as these name. */
  List<Argument> expectOperands(String... names) throws Failure {
    List<Argument> operands = operands();
    if (operands.size() < names.length) {
      throw Failure.usage("missing " + names[operands.size()]);
    }
    if (operands.size() > names.length) {
      throw Failure.usage("unexpected " + operands.get(names.length));
    }
    return operands;
  }

  /** What is left after the options. */
  List<Argument> operands() {
    List<Argument> operands = new ArrayList<>();
    for (int i = next; i < line.size(); i++) {
      operands.add(line.argument(i, 0));
    }
    return operands;
  }
}
