package dev.runnel.security;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The tokens that a server takes, each known by its SHA-256 only. A token file has a line for each,
 * {@code NAME SHA256}; empty lines and those that begin with # count for nothing. Immutable.
 */
public final class Tokens {
  private static final int SECRET_BYTES = 32;
  private static final int HEX_DIGITS = 64;
  private static final String NAME = "[A-Za-z0-9][A-Za-z0-9._@-]{0,63}";

  private final Map<String, byte[]> digests;

  private Tokens(Map<String, byte[]> digests) {
    this.digests = digests;
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

  /** Reads a token file's lines. */
  public static Tokens parse(List<String> lines) throws BadTokenFileException {
    Map<String, byte[]> digests = new LinkedHashMap<>();
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i).strip();
      if (!line.isEmpty() && !line.startsWith("#")) {
        parseLine(digests, i + 1, line);
      }
    }
    return new Tokens(digests);
  }

  private static void parseLine(Map<String, byte[]> digests, int number, String line)
      throws BadTokenFileException {
    String[] parts = line.split("\\s+", -1);
    // A line is not quoted in a message: it may be a secret put into the wrong file.
    if (parts.length != 2 || !parts[0].matches(NAME)) {
      throw new BadTokenFileException(number, "expected: NAME SHA256");
    }
    if (parts[1].length() != HEX_DIGITS || !parts[1].matches("[0-9a-fA-F]+")) {
      throw new BadTokenFileException(
          number, "SHA-256 of " + parts[0] + " (expected: " + HEX_DIGITS + " hexadecimal digits)");
    }
    if (digests.put(parts[0], HexFormat.of().parseHex(parts[1])) != null) {
      throw new BadTokenFileException(number, "second token for " + parts[0]);
    }
  }

  /**
   * Makes a secret.
   *
   * @throws IllegalArgumentException if the name can't stand in a token file
   */
  public static NewToken create(String name) {
    if (!name.matches(NAME)) {
      throw new IllegalArgumentException("name: " + name + " (expected: " + NAME + ")");
    }
    byte[] random = new byte[SECRET_BYTES];
    new SecureRandom().nextBytes(random);
    String secret = Base64.getUrlEncoder().withoutPadding().encodeToString(random);
    return new NewToken(secret, name + " " + HexFormat.of().formatHex(sha256(secret)));
  }

  public int size() {
    return digests.size();
  }

  /** Whose token that is, or null. Takes as long for a token that almost fits as for any other. */
  public @Nullable String principalOf(String token) {
    byte[] digest = sha256(token);
    String principal = null;
    for (Map.Entry<String, byte[]> known : digests.entrySet()) {
      // No early end: all are compared, whichever fits.
      if (MessageDigest.isEqual(known.getValue(), digest)) {
        principal = known.getKey();
      }
    }
    return principal;
  }

  private static byte[] sha256(String token) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(token.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
