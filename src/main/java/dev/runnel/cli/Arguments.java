package dev.runnel.cli;

import dev.runnel.model.Argument;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A verb's arguments, told apart by its table of options: options up to the first word that is none
 * or up to {@code --}, or anywhere before {@code --}; the rest are operands.
 */
public final class Arguments {
  private final List<Option> table;
  private final CommandLine line;
  private final List<Given> given = new ArrayList<>();
  private final List<Integer> between = new ArrayList<>();
  private int next = 1;

  /** What docker and kubectl call some of our options. */
  private static final Map<String, String> ALIASES =
      Map.of("--interactive", "--stdin", "--tty", "--pty", "--workdir", "--cwd");

  /** What is no option of ours, and is typed for one of another program's. */
  private static final Map<String, String> INSTEAD =
      Map.of(
          "-p", "the port goes into -H HOST:PORT",
          "-l", "the user goes into --user");

  /** An option that was given, and where its value stands: in that word, from that byte on. */
  private record Given(Option option, int word, int from) {
    boolean is(Option other) {
      return option.name().equals(other.name());
    }
  }

  /** Nothing is read yet; what {@link #read} read before a mistake can still be asked for. */
  public Arguments(List<Option> table, CommandLine line) {
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
      if (isOperand(word)) {
        return;
      }
      readOption(word);
    }
  }

  /** The same where no command follows: options may come after operands, too. */
  public void readAnywhere() throws Failure {
    read();
    while (next < line.size() && !line.word(next - 1).equals("--")) {
      between.add(next);
      next++;
      read();
    }
  }

  private static boolean isOperand(String word) {
    return word.length() < 2 || word.charAt(0) != '-';
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
      given.add(new Given(option, next, 0));
      String rest = "-" + word.substring(name.length());
      if (attached && (name.length() > 2 || !isJoined(rest))) {
        throw Failure.usage(name + " takes no value: " + word);
      }
      if (attached) {
        readJoined(rest, word.length() - rest.length());
        return;
      }
    } else if (attached) {
      // -H=host is how other programs have it; a shell line may begin with anything.
      boolean equals =
          word.charAt(name.length()) == '=' && !option.name().equals(ExecOptions.SHELL.name());
      add(name, new Given(option, next, name.length() + (equals || word.startsWith("--") ? 1 : 0)));
    } else {
      next++;
      if (next == line.size()) {
        throw Failure.usage(name + ": missing its value " + option.value());
      }
      add(name, new Given(option, next, 0));
    }
    next++;
  }

  // As of getopt: flags without a value may share a dash, also with one more that has a value.
  private boolean isJoined(String word) {
    Option option = find(word);
    if (option == null && word.length() > 2) {
      option = find(word.substring(0, 2));
    }
    return option != null;
  }

  private void readJoined(String word, int at) throws Failure {
    Option whole = find(word);
    String name = whole == null ? word.substring(0, 2) : word;
    Option option = whole == null ? find(name) : whole;
    String rest = "-" + word.substring(name.length());
    if (option == null) {
      throw unknown(name);
    }
    if (!option.takesValue()) {
      given.add(new Given(option, next, 0));
      if (rest.length() > 1) {
        readJoined(rest, at + name.length() - 1);
        return;
      }
    } else if (rest.length() > 1) {
      add(name, new Given(option, next, at + name.length()));
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
    if (one.from == 0 && line.word(one.word).equals("--")) {
      throw Failure.usage(name + ": missing its value " + one.option.value() + " before --");
    }
    given.add(one);
  }

  private @Nullable Option find(String word) {
    String name = ALIASES.getOrDefault(word, word);
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
    String nearest = DidYouMean.nearest(name, names);
    String instead = INSTEAD.get(name);
    String hint =
        instead != null
            ? " (" + instead + ")"
            : nearest == null ? "" : " (did you mean " + nearest + "?)";
    return Failure.usage("unknown option " + name + hint);
  }

  public boolean has(Option option) {
    return last(option) != null;
  }

  /** The option's value, the last if it was given more than once; null: it was not given. */
  public @Nullable String value(Option option) throws Failure {
    Given last = last(option);
    return last == null ? null : text(last);
  }

  /** The same as the bytes it is. */
  @Nullable Argument bytes(Option option) {
    Given last = last(option);
    return last == null ? null : line.argument(last.word, last.from);
  }

  /** Every value the option was given. */
  public List<String> values(Option option) throws Failure {
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

  /** How often the option was given. */
  int count(Option option) {
    int count = 0;
    for (Given one : given) {
      count += one.is(option) ? 1 : 0;
    }
    return count;
  }

  /** Whether {@code --} has ended the options. */
  boolean isTerminated() {
    return next > 1 && line.word(next - 1).equals("--");
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
  public List<Argument> expectOperands(String... names) throws Failure {
    List<Argument> operands = operands();
    if (operands.size() < names.length) {
      throw Failure.usage("missing " + names[operands.size()]);
    }
    if (operands.size() > names.length) {
      String word = operands.get(names.length).toString();
      boolean perhapsHost =
          names.length == 0 && table.contains(ConnectionOptions.HOST) && isFree(word);
      throw Failure.usage(
          "unexpected " + word + (perhapsHost ? " (a host goes after -H: -H " + word + ")" : ""));
    }
    return operands;
  }

  private boolean isFree(String word) {
    return !has(ConnectionOptions.HOST) && word.matches("[A-Za-z0-9.:_-]+");
  }

  /** What is left after the options. */
  public List<Argument> operands() {
    List<Argument> operands = new ArrayList<>();
    for (int i : between) {
      operands.add(line.argument(i, 0));
    }
    for (int i = next; i < line.size(); i++) {
      operands.add(line.argument(i, 0));
    }
    return operands;
  }
}
