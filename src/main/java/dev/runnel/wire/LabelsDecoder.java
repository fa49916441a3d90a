package dev.runnel.wire;

import dev.runnel.model.Labels;
import java.util.LinkedHashMap;
import java.util.Map;

/** The labels of a {@code run}, or those that a {@code jobs} asks for. PROTOCOL.md, "Requests". */
final class LabelsDecoder {
  private static final String KEY = "labels";

  private LabelsDecoder() {}

  static Labels decode(Header header) throws RequestException {
    Object value = header.raw(KEY);
    if (value == null) {
      return Labels.NONE;
    }
    if (!(value instanceof Map<?, ?> entries)) {
      throw Header.wrongType(KEY, value, "an object of strings");
    }
    Map<String, String> labels = new LinkedHashMap<>();
    for (Map.Entry<?, ?> entry : entries.entrySet()) {
      if (!(entry.getValue() instanceof String text)) {
        throw Header.wrongType(KEY, entry.getValue(), "an object of strings");
      }
      labels.put((String) entry.getKey(), text);
    }
    Labels all = new Labels(labels);
    try {
      all.check();
      return all;
    } catch (IllegalArgumentException e) {
      throw RequestException.bad(KEY + ": " + e.getMessage());
    }
  }
}
