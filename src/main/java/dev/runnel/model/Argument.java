package dev.runnel.model;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * One argument of a command: any bytes but NUL, as execve(2) takes them. They need not be text in
 * any encoding. Immutable: the array is copied on the way in and on the way out.
 */
public final class Argument {
  private final byte[] bytes;

  private Argument(byte[] bytes) {
    this.bytes = bytes;
  }

  /**
   * These bytes.
   *
   * @throws IllegalArgumentException if a byte is NUL
   */
  public static Argument of(byte[] bytes) {
    for (byte b : bytes) {
      if (b == 0) {
        throw new IllegalArgumentException("NUL in an argument");
      }
    }
    return new Argument(bytes.clone());
  }

  /** The text's UTF-8 bytes. */
  public static Argument of(String text) {
    return of(text.getBytes(StandardCharsets.UTF_8));
  }

  public byte[] bytes() {
    return bytes.clone();
  }

  public int length() {
    return bytes.length;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Argument that && Arrays.equals(bytes, that.bytes);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(bytes);
  }

  /** For people: what is not UTF-8 shows as U+FFFD. */
  @Override
  public String toString() {
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
