package dev.runnel.tools;

import dev.runnel.security.Tokens;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFileAttributeView;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;

/** The verb {@code token}. */
public final class TokenVerb {
  private static final String HELP =
      """
      usage: runnel token new NAME [--expires TIME]
             runnel token revoke NAME FILE

      new makes a token. Prints the secret on stdout, for the client (--token-file, RUNNEL_TOKEN),
      and on stderr the line for the server's --tokens file, which can't be turned back into it.
      TIME is how long (90d, 12h, 30m), a day (2030-12-31, its end in UTC) or a point in time
      (2030-12-31T12:00:00Z); without it the token does not expire. To replace one, add another of
      the same name, and take the old line out when nobody uses it any more.

      revoke takes every line of that name out of FILE. A server that reads FILE ends the
      connections of these tokens within seconds.

      example:
        runnel token new ci --expires 90d >ci.secret 2>>tokens
      """;

  private static final Map<Character, ChronoUnit> UNITS =
      Map.of(
          'd', ChronoUnit.DAYS,
          'h', ChronoUnit.HOURS,
          'm', ChronoUnit.MINUTES,
          's', ChronoUnit.SECONDS);

  private TokenVerb() {}

  /** Runs the verb and returns the exit code. */
  public static int run(List<String> arguments, PrintStream out, PrintStream err) {
    if (arguments.contains("--help") || arguments.contains("-h")) {
      out.print(HELP);
      return 0;
    }
    try {
      String what = arguments.isEmpty() ? "" : arguments.getFirst();
      if (what.equals("new") && arguments.size() == 2) {
        print(Tokens.create(arguments.get(1)), out, err);
      } else if (what.equals("new")
          && arguments.size() == 4
          && arguments.get(2).equals("--expires")) {
        print(Tokens.create(arguments.get(1), expiry(arguments.get(3))), out, err);
      } else if (what.equals("revoke") && arguments.size() == 3) {
        revoke(arguments.get(1), Path.of(arguments.get(2)));
      } else {
        throw new IllegalArgumentException("expected: new NAME, or revoke NAME FILE");
      }
      return 0;
    } catch (IllegalArgumentException e) {
      err.println("runnel token: " + e.getMessage());
      err.println("see runnel token --help");
      return 2;
    } catch (NoSuchFileException e) {
      err.println("runnel token: " + e.getMessage() + ": no such file");
      return 1;
    } catch (IOException e) {
      err.println("runnel token: " + e.getMessage());
      return 1;
    }
  }

  private static void print(Tokens.NewToken made, PrintStream out, PrintStream err) {
    out.println(made.secret());
    err.println(made.line());
  }

  private static Instant expiry(String text) {
    Instant end = parse(text).truncatedTo(ChronoUnit.SECONDS);
    if (!end.isAfter(Instant.now())) {
      throw new IllegalArgumentException("--expires " + text + ": it is past");
    }
    return end;
  }

  private static Instant parse(String text) {
    try {
      if (text.matches("[0-9]{1,9}[dhms]")) {
        ChronoUnit unit = UNITS.get(text.charAt(text.length() - 1));
        long count = Long.parseLong(text.substring(0, text.length() - 1));
        return Instant.now().plus(Duration.of(count, unit));
      }
      return text.length() == "2030-12-31".length()
          ? LocalDate.parse(text).plusDays(1).atStartOfDay().toInstant(ZoneOffset.UTC)
          : Instant.parse(text);
    } catch (DateTimeException | ArithmeticException _) {
      throw new IllegalArgumentException(
          "--expires " + text + ": (expected: 90d, 12h, 2030-12-31 or 2030-12-31T12:00:00Z)");
    }
  }

  // Replaced at once, and as readable as it was: a server may read it this moment.
  private static void revoke(String name, Path file) throws IOException {
    Path real = file.toRealPath();
    List<String> rest = Tokens.without(Files.readAllLines(real), name);
    Path next = Files.createTempFile(real.getParent(), ".tokens", "");
    try {
      Files.write(next, rest);
      PosixFileAttributeView from = Files.getFileAttributeView(real, PosixFileAttributeView.class);
      PosixFileAttributeView to = Files.getFileAttributeView(next, PosixFileAttributeView.class);
      // Root's, it would be closed to a server that is not.
      if (!from.getOwner().equals(to.getOwner())) {
        to.setOwner(from.getOwner());
      }
      to.setPermissions(from.readAttributes().permissions());
      to.setGroup(from.readAttributes().group());
      Files.move(next, real, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(next);
    }
  }
}
