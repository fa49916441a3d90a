package dev.runnel.record;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/**
 * The bytes of one stream as text. A character whose bytes come in several pieces is put together;
 * what is no UTF-8 becomes U+FFFD. For one thread.
 */
final class StreamText {
  private static final byte[] NONE = {};

  private final CharsetDecoder decoder =
      StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPLACE)
          .onUnmappableCharacter(CodingErrorAction.REPLACE);

  // The beginning of a character: three bytes at most.
  private byte[] rest = NONE;

  /** The characters that are whole with these bytes. */
  String take(ByteBuffer bytes) {
    ByteBuffer in = ByteBuffer.allocate(rest.length + bytes.remaining()).put(rest).put(bytes);
    CharBuffer out = CharBuffer.allocate(in.capacity());
    decoder.decode(in.flip(), out, false);
    rest = new byte[in.remaining()];
    in.get(rest);
    return out.flip().toString();
  }

  /** What is left of a character that does not go on. */
  String cut() {
    String left = new String(rest, StandardCharsets.UTF_8);
    rest = NONE;
    decoder.reset();
    return left;
  }
}
