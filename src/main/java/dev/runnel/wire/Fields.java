package dev.runnel.wire;

import dev.runnel.model.ErrorCode;
import dev.runnel.model.JobId;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The keys of an object that a server sent. A wrong value ends the connection. Without pattern
 * switches, which would cost every start of the command line milliseconds.
 */
final class Fields {
  private final Lookup lookup;

  private interface Lookup {
    @Nullable Object get(String key);
  }

  private Fields(Lookup lookup) {
    this.lookup = lookup;
  }

  static Fields of(Header header) {
    return new Fields(header::raw);
  }

  static Fields of(String key, @Nullable Object value) throws ProtocolException {
    if (value instanceof Map<?, ?> map) {
      return new Fields(map::get);
    }
    throw wrong(key, value, "an object");
  }

  boolean has(String key) {
    return lookup.get(key) != null;
  }

  /** As parsed; null: the key is not there. */
  @Nullable Object value(String key) {
    return lookup.get(key);
  }

  boolean flag(String key) throws ProtocolException {
    Object value = lookup.get(key);
    if (value == null || value instanceof Boolean) {
      return Boolean.TRUE.equals(value);
    }
    throw wrong(key, value, "true or false");
  }

  @Nullable String optionalString(String key) throws ProtocolException {
    Object value = lookup.get(key);
    if (value == null || value instanceof String) {
      return (String) value;
    }
    throw wrong(key, value, "a string");
  }

  String string(String key) throws ProtocolException {
    String text = optionalString(key);
    if (text == null) {
      throw wrong(key, null, "a string");
    }
    return text;
  }

  /** At least 0, as every number of the protocol that tells of something. */
  @Nullable Long optionalNumber(String key) throws ProtocolException {
    Object value = lookup.get(key);
    if (value == null || (value instanceof Long number && number >= 0)) {
      return (Long) value;
    }
    throw wrong(key, value, "an integer from 0 on");
  }

  long number(String key) throws ProtocolException {
    Long number = optionalNumber(key);
    if (number == null) {
      throw wrong(key, null, "an integer");
    }
    return number;
  }

  long number(String key, long fallback) throws ProtocolException {
    Long number = optionalNumber(key);
    return number == null ? fallback : number;
  }

  @Nullable Integer optionalInt(String key) throws ProtocolException {
    Long number = optionalNumber(key);
    if (number != null && number > Integer.MAX_VALUE) {
      throw wrong(key, number, "an integer below 2^31");
    }
    return number == null ? null : (Integer) number.intValue();
  }

  int integer(String key) throws ProtocolException {
    Integer number = optionalInt(key);
    if (number == null) {
      throw wrong(key, null, "an integer");
    }
    return number;
  }

  /** An array; empty: the key is not there. */
  List<?> list(String key) throws ProtocolException {
    Object value = lookup.get(key);
    if (value == null) {
      return List.of();
    }
    if (value instanceof List<?> list) {
      return list;
    }
    throw wrong(key, value, "an array");
  }

  /** The text under each name of an object; empty: the key is not there. */
  Map<String, String> texts(String key) throws ProtocolException {
    Map<String, String> texts = new LinkedHashMap<>();
    Object value = lookup.get(key);
    if (value != null && !(value instanceof Map)) {
      throw wrong(key, value, "an object");
    }
    if (value instanceof Map<?, ?> entries) {
      for (Map.Entry<?, ?> entry : entries.entrySet()) {
        if (!(entry.getValue() instanceof String text)) {
          throw wrong(key, entry.getValue(), "an object of strings");
        }
        texts.put((String) entry.getKey(), text);
      }
    }
    return texts;
  }

  Fields object(String key) throws ProtocolException {
    return of(key, lookup.get(key));
  }

  JobId job() throws ProtocolException {
    String name = string("job");
    if (!JobId.isValid(name)) {
      throw wrong("job", name, JobId.PATTERN);
    }
    return new JobId(name);
  }

  static ProtocolException wrong(String key, @Nullable Object value, String expected) {
    return new ProtocolException(
        ErrorCode.BAD_FRAME,
        key
            + ": "
            + (value == null ? "missing" : Json.show(value))
            + " (expected: "
            + expected
            + ")");
  }
}
