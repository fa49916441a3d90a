package dev.runnel.tools;

import dev.runnel.security.Tokens;
import java.io.PrintStream;
import java.util.List;

/** The verb {@code token}. */
public final class TokenVerb {
  private static final String HELP =
      """
      usage: runnel token new NAME

      Makes a token. Prints the secret on stdout, for the client (--token-file, RUNNEL_TOKEN),
      and on stderr the line for the server's --tokens file, which can't be turned back into it.

      example:
        runnel token new ci >ci.secret 2>>tokens
      """;

  private TokenVerb() {}

  /** Runs the verb and returns the exit code. */
  public static int run(List<String> arguments, PrintStream out, PrintStream err) {
    if (arguments.contains("--help") || arguments.contains("-h")) {
      out.print(HELP);
      return 0;
    }
    if (arguments.size() != 2 || !arguments.get(0).equals("new")) {
      err.println("runnel token: expected: new NAME");
      err.println("see runnel token --help");
      return 2;
    }
    try {
      Tokens.NewToken made = Tokens.create(arguments.get(1));
      out.println(made.secret());
      err.println(made.line());
      return 0;
    } catch (IllegalArgumentException e) {
      err.println("runnel token: " + e.getMessage());
      return 2;
    }
  }
}
