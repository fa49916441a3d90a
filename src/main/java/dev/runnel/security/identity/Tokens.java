package dev.runnel.security.identity;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.Collections;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The tokens that a server takes, each known by its SHA-256 only. A token file has a line for each,
 * {@code NAME SHA256}, or {@code NAME SHA256 expires=TIME} with a time as in ISO 8601; empty lines
 * and those that begin with # count for nothing. A name may have several, of which any will do.
 * Immutable.
 */
public final class Tokens {
  /** Nobody's. */
  public static final Tokens NONE = new Tokens(Map.of());

  private static final int SECRET_BYTES = 32;
  private static final int HEX_DIGITS = 64;
  private static final String NAME = "[A-Za-z0-9][A-Za-z0-9._@-]{0,63}";
  private static final String EXPIRES = "expires=";

  /** By digest, in hexadecimal digits. */
  private final Map<String, Token> tokens;

  private Tokens(Map<String, Token> tokens) {
    this.tokens = tokens;
  }

  /** A line that is no token's. */
  public static final class BadTokenFileException extends Exception {
    private static final long serialVersionUID = 1;

    BadTokenFileException(int line, String message) {
      super("line " + line + ": " + message, null, false, false);
    }
  }

  /** A new secret and the line by which a server knows it. */
  public record NewToken(String secret, String line) {}

  /**
   * One of a server's.
   *
   * @param principal as whom it lets in
   * @param digest its SHA-256, in hexadecimal digits
   * @param expires from when on it does not any more; null: it always does
   */
  public record Token(String principal, String digest, @Nullable Instant expires) {
    public boolean isExpired(Instant now) {
      return expires != null && !now.isBefore(expires);
    }
  }

  /** Reads a token file's lines. */
  public static Tokens parse(List<String> lines) throws BadTokenFileException {
    Map<String, Token> tokens = new LinkedHashMap<>();
    for (int i = 0; i < lines.size(); i++) {
      if (isToken(lines.get(i))) {
        Token token = parseLine(i + 1, lines.get(i).strip());
        if (tokens.put(token.digest(), token) != null) {
          throw new BadTokenFileException(i + 1, "the token is there already");
        }
      }
    }
    return new Tokens(tokens);
  }

  private static boolean isToken(String line) {
    return !line.isBlank() && !line.stripLeading().startsWith("#");
  }

  private static Token parseLine(int number, String line) throws BadTokenFileException {
    String[] parts = line.split("\\s+", -1);
    // No word of a line is quoted in a message: it may be a secret put into the wrong file.
    if (parts.length < 2 || parts.length > 3 || !parts[0].matches(NAME)) {
      throw new BadTokenFileException(number, "expected: NAME SHA256, or NAME SHA256 expires=TIME");
    }
    if (Principals.isReserved(parts[0])) {
      throw new BadTokenFileException(number, "the name (expected: none of anonymous, bus, local)");
    }
    if (parts[1].length() != HEX_DIGITS || !parts[1].matches("[0-9a-fA-F]+")) {
      throw new BadTokenFileException(
          number, "the SHA-256 (expected: " + HEX_DIGITS + " hexadecimal digits)");
    }
    String digest = HexFormat.of().formatHex(HexFormat.of().parseHex(parts[1]));
    return new Token(parts[0], digest, parts.length == 2 ? null : expiry(number, parts));
  }

  private static Instant expiry(int number, String[] parts) throws BadTokenFileException {
    try {
      if (parts[2].startsWith(EXPIRES)) {
        return Instant.parse(parts[2].substring(EXPIRES.length()));
      }
    } catch (DateTimeException _) {
      // Told below.
    }
    throw new BadTokenFileException(
        number, "after the SHA-256 (expected: expires=2030-12-31T23:59:59Z)");
  }

  /**
   * The lines of a token file without those of a principal.
   *
   * @throws IllegalArgumentException if it has none
   */
  public static List<String> without(List<String> lines, String principal) {
    List<String> rest = new ArrayList<>();
    for (String line : lines) {
      if (!isToken(line) || !line.strip().split("\\s+", 2)[0].equals(principal)) {
        rest.add(line);
      }
    }
    if (rest.size() == lines.size()) {
      throw new IllegalArgumentException("no token of " + principal);
    }
    return rest;
  }

  /**
   * Makes a secret.
   *
   * @param expires null: never
   * @throws IllegalArgumentException if the name can't stand in a token file
   */
  public static NewToken create(String name, @Nullable Instant expires) {
    if (!name.matches(NAME)) {
      throw new IllegalArgumentException("name: " + name + " (expected: " + NAME + ")");
    }
    if (Principals.isReserved(name)) {
      throw new IllegalArgumentException(
          "name: " + name + " (expected: none of anonymous, bus, local)");
    }
    byte[] random = new byte[SECRET_BYTES];
    new SecureRandom().nextBytes(random);
    String secret = Base64.getUrlEncoder().withoutPadding().encodeToString(random);
    String line = name + " " + HexFormat.of().formatHex(sha256(secret));
    return new NewToken(secret, expires == null ? line : line + " " + EXPIRES + expires);
  }

  /** Makes a secret that never expires. */
  public static NewToken create(String name) {
    return create(name, null);
  }

  /** In the order of the file. */
  public Collection<Token> all() {
    return Collections.unmodifiableCollection(tokens.values());
  }

  public int size() {
    return tokens.size();
  }

  /**
   * The token of that secret, expired or not, or null. Takes as long for a secret that almost fits
   * as for any other.
   */
  public @Nullable Token find(String secret) {
    byte[] digest = sha256(secret);
    Token found = null;
    for (Token token : tokens.values()) {
      // No early end: all are compared, whichever fits.
      if (MessageDigest.isEqual(HexFormat.of().parseHex(token.digest()), digest)) {
        found = token;
      }
    }
    return found;
  }

  /** The SHA-256 of a secret, which may be kept where the secret may not. */
  public static byte[] digest(String secret) {
    return sha256(secret);
  }

  /** Whether the token still is one of these. */
  public boolean contains(Token token) {
    Token now = tokens.get(token.digest());
    return now != null && now.principal().equals(token.principal());
  }

  private static byte[] sha256(String token) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(token.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
