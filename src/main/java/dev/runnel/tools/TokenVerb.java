package dev.runnel.tools;

import dev.runnel.cli.Arguments;
import dev.runnel.cli.CliContext;
import dev.runnel.cli.Failure;
import dev.runnel.cli.Help;
import dev.runnel.cli.Option;
import dev.runnel.cli.VerbDefinition;
import dev.runnel.model.Argument;
import dev.runnel.security.identity.Tokens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The verb {@code token}. */
public final class TokenVerb {
  private static final Option EXPIRES =
      Option.value("--expires", "TIME", "when the token stops being good; default: never");
  private static final Option OUT =
      Option.value(
          "--out",
          "FILE",
          "write the secret to FILE, a new one that only its owner can\nread; default: stdout");
  private static final Option TOKENS =
      Option.value(
          "--tokens",
          "FILE",
          "add the line to FILE, which is made if there is none; default:\nstderr");

  public static final VerbDefinition DEFINITION =
      new VerbDefinition(
          """
          Usage: runnel token new NAME [--expires TIME] [--out FILE] [--tokens FILE]
                 runnel token list FILE
                 runnel token revoke NAME FILE

          new makes a token. The secret is for the client (--token-file, RUNNEL_TOKEN); the line,
          which can't be turned back into it, is for the file that the server reads (serve
          --tokens). TIME is how long (90d, 12h, 30m), a day (2030-12-31, its end in UTC) or a point
          in time (2030-12-31T12:00:00Z); without it the token does not expire. To replace one, add
          another of the same name, and remove the old line when no client uses it any more.

          list prints the names and expiry times of the tokens in FILE.

          revoke removes every line of that name from FILE. A server that reads FILE ends the
          connections of these tokens within seconds.
          """,
          List.of(new Help.Section("Options", List.of(EXPIRES, OUT, TOKENS))),
          """
          Exit code: 0 done, 1 a file can't be read or written, or has no such token, 2 wrong usage,
          255 the secret can't be written to stdout; then there is no line, either.

          Example:
            runnel token new ci --expires 90d --out ci.secret --tokens tokens
          """,
          TokenVerb::run);

  private static final Map<Character, ChronoUnit> UNITS =
      Map.of(
          'd', ChronoUnit.DAYS,
          'h', ChronoUnit.HOURS,
          'm', ChronoUnit.MINUTES,
          's', ChronoUnit.SECONDS);

  private TokenVerb() {}

  private static int run(CliContext context, Arguments given) throws Failure, IOException {
    List<String> words = given.operands().stream().map(Argument::toString).toList();
    boolean isPlain = !given.has(EXPIRES) && !given.has(OUT) && !given.has(TOKENS);
    String what = words.isEmpty() ? "" : words.getFirst();
    if (what.equals("new") && words.size() == 2) {
      return make(create(words.get(1), given.value(EXPIRES)), given, context);
    }
    if (isPlain && what.equals("revoke") && words.size() == 3) {
      revoke(words.get(1), Path.of(words.get(2)));
      return 0;
    }
    if (isPlain && what.equals("list") && words.size() == 2) {
      context.out().print(list(Path.of(words.get(1))));
      return 0;
    }
    throw Failure.usage("expected: new NAME, list FILE, or revoke NAME FILE");
  }

  private static Tokens.NewToken create(String name, @Nullable String expires) throws Failure {
    try {
      return Tokens.create(name, expires == null ? null : expiry(expires));
    } catch (IllegalArgumentException e) {
      throw Failure.usage(String.valueOf(e.getMessage()));
    }
  }

  // The secret first: a line without its secret would be of use to nobody, and stay.
  private static int make(Tokens.NewToken made, Arguments given, CliContext to)
      throws Failure, IOException {
    String secretTo = given.value(OUT);
    if (secretTo == null) {
      to.out().print(made.secret() + "\n");
    } else {
      TokenFiles.writeSecret(Path.of(secretTo), made.secret());
    }
    String lineTo = given.value(TOKENS);
    if (lineTo == null) {
      to.err().print(made.line() + "\n");
      return 0;
    }
    try {
      TokenFiles.append(Path.of(lineTo), made.line());
    } catch (IOException e) {
      if (secretTo != null) {
        Files.deleteIfExists(Path.of(secretTo));
      }
      throw e;
    }
    return 0;
  }

  private static String list(Path file) throws IOException {
    try {
      Tokens tokens = Tokens.parse(Files.readAllLines(file));
      Instant now = Instant.now();
      StringBuilder list = new StringBuilder();
      for (Tokens.Token token : tokens.all()) {
        Instant end = token.expires();
        String until =
            end == null ? "never expires" : (end.isAfter(now) ? "expires " : "expired ") + end;
        list.append(token.principal()).append("  ").append(token.digest(), 0, 8);
        list.append("  ").append(until).append('\n');
      }
      return list.toString();
    } catch (Tokens.BadTokenFileException e) {
      throw new IOException(file + ": " + e.getMessage(), e);
    }
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

  private static void revoke(String name, Path file) throws IOException {
    try {
      TokenFiles.rewrite(file, lines -> Tokens.without(lines, name));
    } catch (IllegalArgumentException e) {
      throw new IOException(file + ": " + e.getMessage(), e);
    }
  }
}
