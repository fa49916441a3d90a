package dev.runnel.wire;

import dev.runnel.model.ErrorCode;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A frame's header: one strict JSON object, with its {@code total_size} and {@code id} checked.
 * Values are String, Long, Boolean, {@link Json#NULL}, List, Map, or {@link Json.NotInteger}.
 */
public final class Header {
  /** How SSH, HTTP, SMTP, IMAP, POP3 and Redis begin. */
  private static final Set<String> FOREIGN =
      Set.of(
          "SSH-", "HTTP", "GET ", "POST", "PUT ", "HEAD", "OPTI", "CONN", "PRI ", "220 ", "220-",
          "EHLO", "HELO", "* OK", "+OK ", "-ERR");

  private final Map<String, Object> values;
  private final int totalSize;
  private final @Nullable String id;
  private final byte[] text;

  private Header(Map<String, Object> values, int totalSize, @Nullable String id, byte[] text) {
    this.values = values;
    this.totalSize = totalSize;
    this.id = id;
    this.text = text;
  }

  /**
   * Checks the length that precedes a header, before anything is read or allocated for it.
   *
   * @param length the unsigned 32 bits as sent
   */
  public static int checkLength(long length) throws ProtocolException {
    if (length < Limits.MIN_HEADER_BYTES) {
      throw new ProtocolException(
          ErrorCode.BAD_FRAME,
          "header: " + length + " bytes (expected: >= " + Limits.MIN_HEADER_BYTES + ")");
    }
    if (length > Limits.MAX_HEADER_BYTES) {
      throw new ProtocolException(
          ErrorCode.HEADER_TOO_LARGE,
          "header: "
              + length
              + " bytes (limit: "
              + Limits.MAX_HEADER_BYTES
              + foreign(length)
              + ")");
    }
    return (int) length;
  }

  // What speaks another protocol shows in its first bytes. No others are named: they may be secret.
  private static String foreign(long length) {
    if (((length & 0xFF) == 0x16 || (length & 0xFF) == 0x15) && ((length >> 8) & 0xFF) == 3) {
      return "; looks like TLS";
    }
    StringBuilder text = new StringBuilder();
    for (int shift = 0; shift < 32; shift += 8) {
      text.append((char) ((length >> shift) & 0xFF));
    }
    String first = text.toString();
    return FOREIGN.contains(first) ? "; the first bytes are \"" + first + "\"" : "";
  }

  /** Parses a header's bytes. */
  public static Header parse(byte[] bytes) throws ProtocolException {
    Map<String, Object> values = Json.parseObject(bytes);
    return new Header(
        values, checkTotalSize(values.get("total_size")), checkId(values.get("id")), bytes);
  }

  private static int checkTotalSize(@Nullable Object value) throws ProtocolException {
    if (!(value instanceof Long size) || size < 0) {
      throw new ProtocolException(
          ErrorCode.BAD_FRAME,
          "total_size: "
              + (value == null ? "missing" : Json.show(value))
              + " (expected: an integer from 0 to "
              + Limits.MAX_BODY_BYTES
              + ")");
    }
    if (size > Limits.MAX_BODY_BYTES) {
      throw new ProtocolException(
          ErrorCode.BODY_TOO_LARGE,
          "body: " + size + " bytes (limit: " + Limits.MAX_BODY_BYTES + ")");
    }
    return Math.toIntExact(size);
  }

  // Without a usable id no answer could be told from another request's: the connection ends.
  private static @Nullable String checkId(@Nullable Object value) throws ProtocolException {
    if (value == null) {
      return null;
    }
    if (!(value instanceof String id)) {
      throw new ProtocolException(
          ErrorCode.BAD_FRAME, "id: " + Json.show(value) + " (expected: a string)");
    }
    int bytes = id.getBytes(StandardCharsets.UTF_8).length;
    if (bytes > Limits.MAX_ID_BYTES || Json.isIllFormed(id)) {
      throw new ProtocolException(
          ErrorCode.BAD_FRAME,
          "id: " + bytes + " bytes (limit: " + Limits.MAX_ID_BYTES + ", UTF-8)");
    }
    return id;
  }

  /** Bytes of the body that follows. */
  public int totalSize() {
    return totalSize;
  }

  /** The request's name, or null: it has none. */
  public @Nullable String id() {
    return id;
  }

  /** As it was sent, with its length in front of it, to be passed on. */
  public byte[] frameText() {
    return FrameWriter.prefixed(text);
  }

  public boolean has(String key) {
    return values.containsKey(key);
  }

  public Set<String> keys() {
    return values.keySet();
  }

  /** The value as parsed, or null: the key is not there. */
  @Nullable Object raw(String key) {
    return values.get(key);
  }

  /** A string, without NUL and well-formed; or null: the key is not there. */
  public @Nullable String string(String key) throws RequestException {
    return switch (values.get(key)) {
      case null -> null;
      case String text -> checkText(key, text);
      case Object other -> throw wrongType(key, other, "a string");
    };
  }

  /** A boolean; false: the key is not there. */
  public boolean flag(String key) throws RequestException {
    return switch (values.get(key)) {
      case null -> false;
      case Boolean flag -> flag;
      case Object other -> throw wrongType(key, other, "true or false");
    };
  }

  /** An integer; or null: the key is not there. */
  public @Nullable Long integer(String key) throws ProtocolException, RequestException {
    return switch (values.get(key)) {
      case null -> null;
      case Long number -> number;
      case Json.NotInteger number ->
          throw new ProtocolException(
              ErrorCode.BAD_FRAME, key + ": " + number + " (expected: an integer within 2^53-1)");
      case Object other -> throw wrongType(key, other, "an integer");
    };
  }

  /** An integer within bounds; the fallback if the key is not there. */
  public long integer(String key, long fallback, long min, long max)
      throws ProtocolException, RequestException {
    Long number = integer(key);
    if (number == null) {
      return fallback;
    }
    if (number < min || number > max) {
      throw RequestException.bad(
          key + ": " + number + " (expected: from " + min + " to " + max + ")");
    }
    return number;
  }

  /**
   * The keys of an object within, as {@code KEY.NAME}, so that mistakes name them in full; or null:
   * the key is not there.
   */
  @Nullable Header object(String key) throws RequestException {
    Object value = values.get(key);
    if (value == null) {
      return null;
    }
    if (!(value instanceof Map<?, ?> entries)) {
      throw wrongType(key, value, "an object");
    }
    Map<String, Object> named = new LinkedHashMap<>();
    entries.forEach((name, inner) -> named.put(key + "." + name, inner));
    return new Header(named, 0, null, text);
  }

  /** Neither can be passed on: C ends strings at NUL, and UTF-8 has no half of a surrogate pair. */
  static String checkText(String key, String text) throws RequestException {
    if (text.indexOf('\0') >= 0 || Json.isIllFormed(text)) {
      throw RequestException.bad(key + ": NUL or half a surrogate pair in a string");
    }
    return text;
  }

  static RequestException wrongType(String key, Object value, String expected) {
    return RequestException.bad(key + ": " + Json.show(value) + " (expected: " + expected + ")");
  }
}
