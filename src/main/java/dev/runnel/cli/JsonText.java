package dev.runnel.cli;

import dev.runnel.model.SafeText;
import dev.runnel.model.StreamTotal;

/** Writes one JSON object, its keys in the order they are put. */
final class JsonText {
  private final StringBuilder text = new StringBuilder(512);
  private char separator = '{';

  JsonText put(String key, String value) {
    key(key);
    quote(value);
    return this;
  }

  JsonText put(String key, long value) {
    key(key);
    text.append(value);
    return this;
  }

  JsonText put(String key, boolean value) {
    key(key);
    text.append(value);
    return this;
  }

  JsonText put(String key, StreamTotal total) {
    return put(key, new JsonText().put("bytes", total.bytes()).put("crc32", total.crc32()));
  }

  JsonText put(String key, JsonText object) {
    key(key);
    text.append(object);
    return this;
  }

  JsonText put(String key, Iterable<JsonText> objects) {
    key(key);
    String before = "[";
    for (JsonText object : objects) {
      text.append(before).append(object);
      before = ",";
    }
    text.append(before.equals("[") ? "[]" : "]");
    return this;
  }

  private void key(String key) {
    text.append(separator);
    separator = ',';
    quote(key);
    text.append(':');
  }

  private void quote(String value) {
    text.append('"');
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if (c == '"' || c == '\\') {
        text.append('\\').append(c);
      } else if (SafeText.isSteering(c)) {
        SafeText.escape(text, c);
      } else {
        text.append(c);
      }
    }
    text.append('"');
  }

  @Override
  public String toString() {
    return separator == '{' ? "{}" : text + "}";
  }
}
