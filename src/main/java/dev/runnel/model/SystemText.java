package dev.runnel.model;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;

/**
 * Bytes of the system's, such as a path or a variable, as a string: what is UTF-8 is its text, and
 * any other byte B is the character U+DC00 + B, which is half of a surrogate pair and so in no text
 * at all. No byte is lost on the way there and back.
 */
public final class SystemText {
  private static final char FIRST = 0xDC80;
  private static final char LAST = 0xDCFF;

  private SystemText() {}

  public static String of(byte[] bytes) {
    String text = new String(bytes, StandardCharsets.UTF_8);
    return text.indexOf('\uFFFD') < 0 ? text : ofAny(bytes);
  }

  private static String ofAny(byte[] bytes) {
    CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
    ByteBuffer in = ByteBuffer.wrap(bytes);
    CharBuffer out = CharBuffer.allocate(bytes.length);
    CoderResult result = decoder.decode(in, out, true);
    while (result.isError()) {
      for (int i = result.length(); i > 0; i--) {
        out.put((char) (0xDC00 + Byte.toUnsignedInt(in.get())));
      }
      result = decoder.reset().decode(in, out, true);
    }
    return out.flip().toString();
  }

  public static byte[] bytes(String text) {
    if (isText(text)) {
      return text.getBytes(StandardCharsets.UTF_8);
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(text.length());
    int start = 0;
    for (int i = 0; i < text.length(); i++) {
      if (isByte(text, i)) {
        bytes.writeBytes(text.substring(start, i).getBytes(StandardCharsets.UTF_8));
        bytes.write(text.charAt(i) & 0xFF);
        start = i + 1;
      }
    }
    bytes.writeBytes(text.substring(start).getBytes(StandardCharsets.UTF_8));
    return bytes.toByteArray();
  }

  /** Whether all of it is text. */
  public static boolean isText(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (isByte(text, i)) {
        return false;
      }
    }
    return true;
  }

  /** For people and for JSON: what is not text as U+FFFD. */
  public static String shown(String text) {
    if (isText(text)) {
      return text;
    }
    StringBuilder shown = new StringBuilder(text);
    for (int i = 0; i < text.length(); i++) {
      if (isByte(text, i)) {
        shown.setCharAt(i, '\uFFFD');
      }
    }
    return shown.toString();
  }

  private static boolean isByte(String text, int index) {
    char c = text.charAt(index);
    return c >= FIRST
        && c <= LAST
        && (index == 0 || !Character.isHighSurrogate(text.charAt(index - 1)));
  }
}
