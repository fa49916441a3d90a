package dev.runnel.model;

import java.util.regex.Pattern;

/**
 * A terminal for a command to run on. PROTOCOL.md, "Requests", {@code pty}.
 *
 * @param term what kind it is: the value of TERM, a name of terminfo(5)
 */
public record Terminal(TerminalSize size, String term) {
  public static final String DEFAULT_TERM = "xterm";

  /** How much output may be beyond what the runner has consumed; the process waits then. */
  public static final long MAX_AHEAD_BYTES = 65_536;

  /** What {@link #term} looks like. */
  public static final String PATTERN = "[A-Za-z0-9][A-Za-z0-9+._-]{0,63}";

  private static final Pattern COMPILED = Pattern.compile(PATTERN);

  public Terminal {
    if (!isTerm(term)) {
      throw new IllegalArgumentException("term: " + term + " (expected: " + PATTERN + ")");
    }
  }

  /** Whether a terminal may be of that kind, known or not. */
  public static boolean isTerm(String name) {
    return COMPILED.matcher(name).matches();
  }
}
