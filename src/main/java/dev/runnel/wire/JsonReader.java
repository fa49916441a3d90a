package dev.runnel.wire;

import dev.runnel.model.ErrorCode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads one JSON object, RFC 8259 to the letter, from a string; for one thread and one use. Not by
 * Jackson's parser, whose first use costs a start of the command line 12 ms: it has constants of
 * {@code BigDecimal}, a class that begins by raising 5 to the power of 65,536.
 */
final class JsonReader {
  /** No longer are the digits of an integer within 2^53-1, and any such number fits a long. */
  private static final int MAX_INTEGER_CHARACTERS = 17;

  private final String text;
  private int next;
  private int depth;

  private JsonReader(String text) {
    this.text = text;
  }

  /** One object and nothing after it but white space. */
  static Map<String, Object> read(String text) throws ProtocolException {
    JsonReader reader = new JsonReader(text);
    reader.skipSpace();
    if (reader.peek() != '{') {
      throw badFrame("header: not a JSON object");
    }
    Map<String, Object> object = reader.object();
    reader.skipSpace();
    if (reader.next < text.length()) {
      throw badFrame("header: something follows the JSON object");
    }
    return object;
  }

  private Object value() throws ProtocolException {
    char c = peek();
    return switch (c) {
      case '{' -> object();
      case '[' -> array();
      case '"' -> string();
      case 't' -> literal("true", true);
      case 'f' -> literal("false", false);
      case 'n' -> literal("null", Json.NULL);
      default -> {
        if (c == '-' || isDigit(c)) {
          yield number();
        }
        throw notJson("a value");
      }
    };
  }

  private Map<String, Object> object() throws ProtocolException {
    Map<String, Object> object = new LinkedHashMap<>();
    for (boolean more = enter('}'); more; more = another('}')) {
      if (peek() != '"') {
        throw notJson("a key");
      }
      String key = string();
      skipSpace();
      take(':');
      skipSpace();
      if (object.put(key, value()) != null) {
        throw badFrame("header: duplicate key " + Json.show(key));
      }
    }
    return object;
  }

  private List<Object> array() throws ProtocolException {
    List<Object> array = new ArrayList<>();
    for (boolean more = enter(']'); more; more = another(']')) {
      array.add(value());
    }
    return array;
  }

  /** Goes past an opening bracket and to the first element; false: there is none. */
  private boolean enter(char close) throws ProtocolException {
    depth++;
    if (depth > Limits.MAX_NESTING) {
      throw badFrame("header: nested deeper than " + Limits.MAX_NESTING + " levels");
    }
    next++;
    skipSpace();
    return peek() != close || leave();
  }

  /** Goes to the next element; false: there was none left. */
  private boolean another(char close) throws ProtocolException {
    skipSpace();
    if (peek() == close) {
      return leave();
    }
    take(',');
    skipSpace();
    return true;
  }

  private boolean leave() {
    next++;
    depth--;
    return false;
  }

  private String string() throws ProtocolException {
    next++;
    int start = next;
    skipPlain();
    if (peek() == '"') {
      return text.substring(start, next++);
    }
    StringBuilder string = new StringBuilder();
    while (peek() == '\\') {
      string.append(text, start, next).append(escaped());
      start = next;
      skipPlain();
    }
    string.append(text, start, next);
    take('"');
    return string.toString();
  }

  private void skipPlain() {
    char c;
    while ((c = peek()) >= ' ' && c != '"' && c != '\\') {
      next++;
    }
  }

  private char escaped() throws ProtocolException {
    next++;
    char c = peek();
    next++;
    return switch (c) {
      case '"', '\\', '/' -> c;
      case 'b' -> '\b';
      case 'f' -> '\f';
      case 'n' -> '\n';
      case 'r' -> '\r';
      case 't' -> '\t';
      case 'u' -> (char) (hex() << 12 | hex() << 8 | hex() << 4 | hex());
      default -> {
        next--;
        throw notJson("an escape");
      }
    };
  }

  private int hex() throws ProtocolException {
    char c = peek();
    // Of ASCII alone: Character.digit also knows other scripts.
    int digit = c < 0x80 ? Character.digit(c, 16) : -1;
    if (digit < 0) {
      throw notJson("a hexadecimal digit");
    }
    next++;
    return digit;
  }

  private Object literal(String word, Object value) throws ProtocolException {
    if (!text.startsWith(word, next)) {
      throw notJson("a value");
    }
    next += word.length();
    return value;
  }

  private Object number() throws ProtocolException {
    int start = next;
    next += peek() == '-' ? 1 : 0;
    if (peek() == '0') {
      next++;
    } else {
      digits();
    }
    int integerEnd = next;
    if (peek() == '.') {
      next++;
      digits();
    }
    if (peek() == 'e' || peek() == 'E') {
      next++;
      next += peek() == '+' || peek() == '-' ? 1 : 0;
      digits();
    }
    String number = text.substring(start, next);
    return next == integerEnd ? integer(number) : new Json.NotInteger(number);
  }

  private static Object integer(String text) {
    if (text.length() > MAX_INTEGER_CHARACTERS || text.equals("-0")) {
      return new Json.NotInteger(text);
    }
    long number = Long.parseLong(text);
    return Math.abs(number) > Limits.MAX_INTEGER ? new Json.NotInteger(text) : (Object) number;
  }

  private void digits() throws ProtocolException {
    if (!isDigit(peek())) {
      throw notJson("a digit");
    }
    while (isDigit(peek())) {
      next++;
    }
  }

  private static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
  }

  private void skipSpace() {
    char c;
    while ((c = peek()) == ' ' || c == '\t' || c == '\n' || c == '\r') {
      next++;
    }
  }

  private void take(char expected) throws ProtocolException {
    if (peek() != expected) {
      throw notJson("" + expected);
    }
    next++;
  }

  /** The next character; NUL, which is allowed nowhere, at the end. */
  private char peek() {
    return next < text.length() ? text.charAt(next) : '\0';
  }

  private ProtocolException notJson(String expected) {
    return badFrame(
        "header: not strict JSON: at character "
            + next
            + ": "
            + shown()
            + " (expected: "
            + expected
            + ")");
  }

  private String shown() {
    if (next == text.length()) {
      return "the end";
    }
    char c = text.charAt(next);
    return c > ' ' && c < 0x7f ? "" + c : "code " + (int) c;
  }

  private static ProtocolException badFrame(String message) {
    return new ProtocolException(ErrorCode.BAD_FRAME, message);
  }
}
