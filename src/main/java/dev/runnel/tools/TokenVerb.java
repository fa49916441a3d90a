package dev.runnel.tools;

import dev.runnel.security.identity.Tokens;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The verb {@code token}. */
public final class TokenVerb {
  private static final String HELP =
      """
      usage: runnel token new NAME [--expires TIME] [--out FILE] [--tokens FILE]
             runnel token list FILE
             runnel token revoke NAME FILE

      new makes a token. The secret is for the client (--token-file, RUNNEL_TOKEN); the line, which
      can't be turned back into it, is for the file that the server reads (serve --tokens).
      TIME is how long (90d, 12h, 30m), a day (2030-12-31, its end in UTC) or a point in time
      (2030-12-31T12:00:00Z); without it the token does not expire. To replace one, add another of
      the same name, and take the old line out when no client uses it any more.

      list prints the names and expiry times of the tokens in FILE.

      revoke takes every line of that name out of FILE. A server that reads FILE ends the
      connections of these tokens within seconds.

      options:
        --expires TIME  when the token stops being good; default: never
        --out FILE      write the secret to FILE, a new one that only its owner can read;
                        default: stdout
        --tokens FILE   add the line to FILE, which is made if there is none; default: stderr
        --help          this text

      exit code: 0 done, 1 a file can't be read or written, or has no such token, 2 wrong usage,
      255 the secret can't be written to stdout; then there is no line, either

      example:
        runnel token new ci --expires 90d --out ci.secret --tokens tokens
      """;

  private static final List<String> OPTIONS = List.of("--expires", "--out", "--tokens");
  private static final int OURS = 255;

  private static final Map<Character, ChronoUnit> UNITS =
      Map.of(
          'd', ChronoUnit.DAYS,
          'h', ChronoUnit.HOURS,
          'm', ChronoUnit.MINUTES,
          's', ChronoUnit.SECONDS);

  private final List<String> words = new ArrayList<>();
  private final Map<String, String> options = new HashMap<>();

  private TokenVerb() {}

  /** Runs the verb and returns the exit code. */
  public static int run(List<String> arguments, PrintStream out, PrintStream err) {
    if (arguments.contains("--help") || arguments.contains("-h")) {
      out.print(HELP);
      return 0;
    }
    try {
      TokenVerb verb = new TokenVerb();
      verb.parse(arguments);
      return verb.run(out, err);
    } catch (IllegalArgumentException e) {
      err.println("runnel token: " + e.getMessage());
      err.println("see runnel token --help");
      return 2;
    } catch (NoSuchFileException e) {
      err.println("runnel token: " + e.getMessage() + ": no such file");
      return 1;
    } catch (AccessDeniedException e) {
      err.println("runnel token: " + e.getMessage() + ": permission denied");
      return 1;
    } catch (IOException e) {
      err.println("runnel token: " + e.getMessage());
      return 1;
    }
  }

  private void parse(List<String> arguments) {
    for (int i = 0; i < arguments.size(); i++) {
      String word = arguments.get(i);
      if (!word.startsWith("-")) {
        words.add(word);
        continue;
      }
      int equals = word.indexOf('=');
      String name = equals < 0 ? word : word.substring(0, equals);
      if (!OPTIONS.contains(name)) {
        throw new IllegalArgumentException(word + ": unknown option");
      }
      if (equals < 0 && ++i == arguments.size()) {
        throw new IllegalArgumentException(name + ": a value is missing");
      }
      String value = equals < 0 ? arguments.get(i) : word.substring(equals + 1);
      if (value.isEmpty() || options.put(name, value) != null) {
        throw new IllegalArgumentException(
            name + (value.isEmpty() ? ": its value is empty" : ": a second time"));
      }
    }
  }

  private int run(PrintStream out, PrintStream err) throws IOException {
    String what = words.isEmpty() ? "" : words.getFirst();
    if (what.equals("new") && words.size() == 2) {
      String expires = options.get("--expires");
      return make(Tokens.create(words.get(1), expires == null ? null : expiry(expires)), out, err);
    }
    if (options.isEmpty() && what.equals("revoke") && words.size() == 3) {
      revoke(words.get(1), Path.of(words.get(2)));
      return 0;
    }
    if (options.isEmpty() && what.equals("list") && words.size() == 2) {
      list(Path.of(words.get(1)), out);
      return 0;
    }
    throw new IllegalArgumentException("expected: new NAME, list FILE, or revoke NAME FILE");
  }

  // The secret first: a line without its secret would be of use to nobody, and stay.
  private int make(Tokens.NewToken made, PrintStream out, PrintStream err) throws IOException {
    String secretTo = options.get("--out");
    if (secretTo == null) {
      out.println(made.secret());
      out.flush();
      if (out.checkError()) {
        return OURS;
      }
    } else {
      TokenFiles.writeSecret(Path.of(secretTo), made.secret());
    }
    String lineTo = options.get("--tokens");
    if (lineTo == null) {
      err.println(made.line());
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

  private static void list(Path file, PrintStream out) throws IOException {
    try {
      Tokens tokens = Tokens.parse(Files.readAllLines(file));
      Instant now = Instant.now();
      for (Tokens.Token token : tokens.all()) {
        Instant end = token.expires();
        String until =
            end == null ? "never expires" : (end.isAfter(now) ? "expires " : "expired ") + end;
        out.println(token.principal() + "  " + token.digest().substring(0, 8) + "  " + until);
      }
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
