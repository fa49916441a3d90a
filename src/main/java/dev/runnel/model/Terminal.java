package dev.runnel.model;

/**
 * A terminal for a command to run on. PROTOCOL.md, "Requests", {@code pty}.
 *
 * @param term what kind it is: the value of TERM, usually a name of terminfo(5)
 * @param modes how its keys and lines are to be handled from the start
 */
public record Terminal(TerminalSize size, String term, TerminalModes modes) {
  public static final String DEFAULT_TERM = "xterm";

  /** How much output may be beyond what the runner has consumed; the process waits then. */
  public static final long MAX_AHEAD_BYTES = 65_536;

  /** What is said of a terminal of which nothing is known. */
  public static final String UNKNOWN_TERM = "dumb";

  /** What {@link #term} is, for people. */
  public static final String TERM_RULE = "from 1 to 256 characters, without NUL";

  /** In characters. */
  public static final int MAX_TERM = 256;

  public Terminal {
    if (!isTerm(term)) {
      throw new IllegalArgumentException("term: " + term + " (expected: " + TERM_RULE + ")");
    }
  }

  /** With the modes of a new one. */
  public Terminal(TerminalSize size, String term) {
    this(size, term, TerminalModes.USUAL);
  }

  /** Whether a terminal may be of that kind, known or not. */
  public static boolean isTerm(String name) {
    return !name.isEmpty() && name.length() <= MAX_TERM && name.indexOf('\0') < 0;
  }
}
