package dev.runnel.wire;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.runnel.model.ErrorCode;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** Strict JSON, as PROTOCOL.md, "The frame", asks for it. */
final class Json {
  /** JSON's null, which a Map's values can't tell from an absent key. */
  static final Object NULL =
      new Object() {
        @Override
        public String toString() {
          return "null";
        }
      };

  private static final int MAX_SHOWN = 64;

  private static final JsonFactory FACTORY = new JsonFactory();

  /** A JSON number that is no integer in the protocol's sense: a fraction, -0, beyond 2^53-1. */
  record NotInteger(String text) {
    @Override
    public String toString() {
      return text;
    }
  }

  private Json() {}

  /** One object and nothing after it but white space. */
  static Map<String, Object> parseObject(byte[] bytes) throws ProtocolException {
    return JsonReader.read(decode(bytes));
  }

  static JsonGenerator generator(OutputStream out) throws IOException {
    return FACTORY.createGenerator(out);
  }

  /** Whether a string can't be written as UTF-8: it has half of a surrogate pair. */
  static boolean isIllFormed(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (Character.isHighSurrogate(c)
          && i + 1 < text.length()
          && Character.isLowSurrogate(text.charAt(i + 1))) {
        i++;
      } else if (Character.isSurrogate(c)) {
        return true;
      }
    }
    return false;
  }

  /** At most so many bytes a well-formed string takes in JSON, between its quotes. */
  static int length(String text) {
    int bytes = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c < ' ' || Character.isSurrogate(c)) {
        bytes += 6; // A control character is escaped so; our generator escapes surrogates, too.
      } else if (c == '"' || c == '\\') {
        bytes += 2;
      } else {
        bytes += c < 0x80 ? 1 : c < 0x800 ? 2 : 3;
      }
    }
    return bytes;
  }

  /** For messages: the value, shortened. */
  static String show(Object value) {
    String text = value instanceof String ? "\"" + value + "\"" : value.toString();
    return text.length() <= MAX_SHOWN ? text : text.substring(0, MAX_SHOWN) + "…";
  }

  private static String decode(byte[] bytes) throws ProtocolException {
    String text = new String(bytes, StandardCharsets.UTF_8);
    if (text.indexOf('\uFFFD') < 0) {
      return text;
    }
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new ProtocolException(ErrorCode.BAD_FRAME, "header: not UTF-8");
    }
  }
}
