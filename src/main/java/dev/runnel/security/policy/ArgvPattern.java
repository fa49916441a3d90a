package dev.runnel.security.policy;

import dev.runnel.model.Argument;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A pattern for a whole command, element by element: each {@link Glob} for exactly one argument,
 * and {@code **} as the last element for any number of them, none included. The arguments are never
 * joined: a blank or a quote in one is a character like any other. Immutable.
 */
public final class ArgvPattern {
  private static final String REST = "**";
  private static final Argument COMMAND = Argument.of("-c");
  private static final List<Argument> SHELLS =
      Stream.of("sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "csh", "tcsh")
          .flatMap(name -> Stream.of(name, "/bin/" + name, "/usr/bin/" + name))
          .map(Argument::of)
          .toList();

  private final List<Glob> elements;
  private final Tail tail;

  private enum Tail {
    CLOSED,
    OPEN
  }

  private ArgvPattern(List<Glob> elements, Tail tail) {
    this.elements = elements;
    this.tail = tail;
  }

  /**
   * The pattern that is written so.
   *
   * @throws IllegalArgumentException if there is no element, or one is not a pattern
   */
  public static ArgvPattern parse(List<String> texts) {
    if (texts.isEmpty()) {
      throw new IllegalArgumentException("no elements (expected: a program, and its arguments)");
    }
    boolean open = texts.getLast().equals(REST);
    List<String> closed = open ? texts.subList(0, texts.size() - 1) : texts;
    return new ArgvPattern(
        closed.stream().map(Glob::parse).toList(), open ? Tail.OPEN : Tail.CLOSED);
  }

  /** Whether it lets every command through. */
  public boolean fitsAll() {
    return tail == Tail.OPEN
        && (elements.isEmpty() || (elements.size() == 1 && elements.getFirst().fitsAll()));
  }

  /** Whether it lets a shell through that does whatever it is told. */
  public boolean fitsShell() {
    return fitsAll()
        || SHELLS.stream()
            .anyMatch(
                shell ->
                    matches(List.of(shell)) || matches(List.of(shell, COMMAND, Argument.of("x"))));
  }

  /** Whether a command fits, all of it. */
  public boolean matches(List<Argument> argv) {
    int count = elements.size();
    if (argv.size() < count || (argv.size() > count && tail == Tail.CLOSED)) {
      return false;
    }
    for (int i = 0; i < count; i++) {
      if (!elements.get(i).matches(argv.get(i).bytes())) {
        return false;
      }
    }
    return true;
  }

  /** As it was written. */
  @Override
  public String toString() {
    String written = elements.stream().map(Glob::toString).collect(Collectors.joining(", "));
    String rest = tail == Tail.CLOSED ? "" : written.isEmpty() ? REST : ", " + REST;
    return "[" + written + rest + "]";
  }
}
