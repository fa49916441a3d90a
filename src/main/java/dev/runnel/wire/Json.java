package dev.runnel.wire;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import dev.runnel.model.ErrorCode;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
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

  /** Of the largest integer there may be, with its sign. */
  private static final int MAX_DIGITS = 17;

  // Names are not shared between parsers: the table that would hold them lives as long as the
  // daemon, is fed by strangers, and fails on names made to collide in it. Of Jackson's own limits
  // only the depth is one of the protocol.
  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
          .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(Limits.MAX_NESTING)
                  .maxNameLength(Limits.MAX_HEADER_BYTES)
                  .maxNumberLength(Limits.MAX_HEADER_BYTES)
                  .build())
          .build();

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
    // Decoded first: Jackson itself would also take UTF-16 and some ill-formed UTF-8.
    String text = decode(bytes);
    try (JsonParser parser = FACTORY.createParser(text)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw badFrame("header: not a JSON object");
      }
      Map<String, Object> object = object(parser);
      if (parser.nextToken() != null) {
        throw badFrame("header: something follows the JSON object");
      }
      return object;
    } catch (IOException e) {
      // The first line only: the rest quotes the source and its position in a reader of ours.
      String reason = e.getMessage() == null ? "" : e.getMessage().lines().findFirst().orElse("");
      throw badFrame("header: not strict JSON: " + reason);
    }
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
      throw badFrame("header: not UTF-8");
    }
  }

  private static Map<String, Object> object(JsonParser parser)
      throws IOException, ProtocolException {
    Map<String, Object> object = new LinkedHashMap<>();
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String key = parser.currentName();
      parser.nextToken();
      if (object.put(key, value(parser)) != null) {
        throw badFrame("header: duplicate key " + show(key));
      }
    }
    return object;
  }

  private static List<Object> array(JsonParser parser) throws IOException, ProtocolException {
    List<Object> array = new ArrayList<>();
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      array.add(value(parser));
    }
    return array;
  }

  private static Object value(JsonParser parser) throws IOException, ProtocolException {
    JsonToken token = parser.currentToken();
    if (token == null) {
      throw badFrame("header: not strict JSON");
    }
    // No "case null": it goes through a bootstrap method, which costs a client's start
    // milliseconds.
    return switch (token) {
      case START_OBJECT -> object(parser);
      case START_ARRAY -> array(parser);
      case VALUE_STRING -> parser.getText();
      case VALUE_TRUE -> true;
      case VALUE_FALSE -> false;
      case VALUE_NULL -> NULL;
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> number(parser.getText());
      default -> throw badFrame("header: not strict JSON");
    };
  }

  private static Object number(String text) {
    if (text.length() > MAX_DIGITS || !isInteger(text)) {
      return new NotInteger(text);
    }
    long number = Long.parseLong(text);
    return Math.abs(number) > Limits.MAX_INTEGER || text.equals("-0")
        ? new NotInteger(text)
        : (Object) number;
  }

  private static boolean isInteger(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c != '-' && (c < '0' || c > '9')) {
        return false;
      }
    }
    return true;
  }

  private static ProtocolException badFrame(String message) {
    return new ProtocolException(ErrorCode.BAD_FRAME, message);
  }
}
