package dev.runnel.cli;

import java.util.List;

/** What {@code --help} prints, made of the same tables by which arguments are read. */
public final class Help {
  private static final int MAX_NAME_COLUMNS = 24;

  private Help() {}

  /** Options under a title of their own. */
  public record Section(String title, List<Option> options) {}

  static String overview() {
    StringBuilder text = new StringBuilder(1_024);
    text.append("Usage: runnel VERB [OPTION…]\n\n");
    text.append("Runs commands on other machines and in pods, and streams their output back\n");
    text.append("while they run.\n\nVerbs:\n");
    for (Verb verb : Verb.values()) {
      row(text, "  " + verb.word(), verb.summary(), 14);
    }
    text.append("\nrunnel VERB --help has the details; runnel --version prints the version.\n");
    text.append("\nExample:\n  runnel exec -- sh -c 'for i in 1 2 3; do echo $i; sleep 1; done'\n");
    return text.toString();
  }

  /** A verb's help: what comes before its options, the options, what comes after them. */
  public static String of(String before, List<Section> sections, String after) {
    StringBuilder text = new StringBuilder(4_096).append(before);
    int column = 0;
    for (Section section : sections) {
      for (Option option : section.options()) {
        int length = names(option).length();
        column = length > MAX_NAME_COLUMNS ? column : Math.max(column, length);
      }
    }
    for (Section section : sections) {
      text.append('\n').append(section.title()).append(":\n");
      for (Option option : section.options()) {
        if (option.isShown()) {
          row(text, names(option), option.help(), column + 2);
        }
      }
    }
    return text.append('\n').append(after).toString();
  }

  private static String names(Option option) {
    String letter = option.letter() == null ? "    " : option.letter() + ", ";
    String value = option.value() == null ? "" : " " + option.value();
    return "  " + letter + option.name() + value;
  }

  private static void row(StringBuilder text, String name, String help, int column) {
    text.append(name);
    int width = name.length();
    if (width >= column) {
      text.append('\n');
      width = 0;
    }
    text.repeat(' ', column - width);
    for (int i = 0; i < help.length(); i++) {
      text.append(help.charAt(i));
      if (help.charAt(i) == '\n') {
        text.repeat(' ', column);
      }
    }
    text.append('\n');
  }
}
