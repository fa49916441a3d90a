package dev.runnel.cli;

import org.jspecify.annotations.Nullable;

/**
 * One option of a verb: a row of the table by which arguments are read and which help prints.
 *
 * @param name with its two dashes
 * @param letter the short form with its dash; null: there is none
 * @param value what the value is called in help; null: the option takes none
 * @param help a new line starts a new line; empty: it is nothing for people
 */
public record Option(String name, @Nullable String letter, @Nullable String value, String help) {
  public static Option flag(String name, String help) {
    return new Option(name, null, null, help);
  }

  public static Option value(String name, String value, String help) {
    return new Option(name, null, value, help);
  }

  /** The same with a short form. */
  public Option or(String shortForm) {
    return new Option(name, shortForm, value, help);
  }

  boolean isShown() {
    return !help.isEmpty();
  }

  boolean takesValue() {
    return value != null;
  }
}
