package dev.runnel.wire;

import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Keys whose strings are base64 of bytes that need not be text; NUL can't be passed on in them
 * either. Nothing of a value is ever in a message: it may be secret.
 */
final class Base64Field {
  private Base64Field() {}

  /** An array of such strings, not empty. */
  static List<byte[]> array(Header header, String key) throws RequestException {
    if (!(header.raw(key) instanceof List<?> list) || list.isEmpty()) {
      throw RequestException.bad(key + ": not an array of strings, or empty");
    }
    List<byte[]> all = new ArrayList<>(list.size());
    for (Object element : list) {
      all.add(of(key, element));
    }
    return all;
  }

  static byte[] of(String key, @Nullable Object value) throws RequestException {
    if (!(value instanceof String text)) {
      throw RequestException.bad(key + ": not a string");
    }
    byte[] bytes = decode(key, text);
    for (byte b : bytes) {
      if (b == 0) {
        throw RequestException.bad(key + ": NUL in a string");
      }
    }
    return bytes;
  }

  private static byte[] decode(String key, String text) throws RequestException {
    try {
      return Base64.getDecoder().decode(text);
    } catch (IllegalArgumentException _) {
      throw RequestException.bad(key + ": not base64");
    }
  }
}
