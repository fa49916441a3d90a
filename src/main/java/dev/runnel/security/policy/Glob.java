package dev.runnel.security.policy;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A pattern for one piece of text: {@code *} stands for any bytes, none included, and everything
 * else for itself; {@code \*} and {@code \\} are a star and a backslash. It knows nothing of paths,
 * blanks or quotes, so nothing can be hidden from it behind them. Immutable.
 */
public final class Glob {
  private static final int ONE_PIECE = 1;

  private final String text;
  private final List<byte[]> pieces = new ArrayList<>();

  private Glob(String text) {
    this.text = text;
  }

  /**
   * The pattern that is written so.
   *
   * @throws IllegalArgumentException if two stars follow each other, or a backslash something else
   */
  public static Glob parse(String text) {
    Glob glob = new Glob(text);
    ByteArrayOutputStream piece = new ByteArrayOutputStream();
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] == '*') {
        if (i > 0 && bytes[i - 1] == '*' && piece.size() == 0) {
          throw new IllegalArgumentException(text + ": ** (expected: alone, as the last element)");
        }
        glob.pieces.add(piece.toByteArray());
        piece.reset();
      } else if (bytes[i] == '\\') {
        i++;
        if (i == bytes.length || (bytes[i] != '*' && bytes[i] != '\\')) {
          throw new IllegalArgumentException(text + ": \\ (expected: \\* or \\\\)");
        }
        piece.write(bytes[i]);
      } else {
        piece.write(bytes[i]);
      }
    }
    glob.pieces.add(piece.toByteArray());
    return glob;
  }

  /** Whether it stands for nothing but one text. */
  public boolean isLiteral() {
    return pieces.size() == ONE_PIECE;
  }

  /** Whether it stands for every text. */
  public boolean fitsAll() {
    return text.equals("*");
  }

  /** Whether the whole of it fits. */
  public boolean matches(String other) {
    return matches(other.getBytes(StandardCharsets.UTF_8));
  }

  /** Whether the whole of it fits. Takes a time that grows with the product of both lengths. */
  public boolean matches(byte[] other) {
    byte[] first = pieces.getFirst();
    byte[] last = pieces.getLast();
    if (isLiteral()) {
      return Arrays.equals(first, other);
    }
    if (other.length < first.length + last.length
        || !isAt(other, 0, first)
        || !isAt(other, other.length - last.length, last)) {
      return false;
    }
    int at = first.length;
    int end = other.length - last.length;
    // The earliest place is never worse than a later one: no way back is needed.
    for (byte[] piece : pieces.subList(1, pieces.size() - 1)) {
      at = find(other, at, end, piece);
      if (at < 0) {
        return false;
      }
      at += piece.length;
    }
    return true;
  }

  private static int find(byte[] in, int from, int end, byte[] piece) {
    for (int at = from; at + piece.length <= end; at++) {
      if (isAt(in, at, piece)) {
        return at;
      }
    }
    return -1;
  }

  private static boolean isAt(byte[] in, int at, byte[] piece) {
    return Arrays.equals(in, at, at + piece.length, piece, 0, piece.length);
  }

  /** As it was written. */
  @Override
  public String toString() {
    return text;
  }
}
