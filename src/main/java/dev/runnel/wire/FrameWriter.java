package dev.runnel.wire;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import org.jspecify.annotations.Nullable;

/** Builds one header in bytes, its length in front of it. */
final class FrameWriter {
  private static final int USUAL_BYTES = 160;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream(USUAL_BYTES);
  private final JsonGenerator json;

  /** What fills in a header. */
  interface Content {
    void writeTo(JsonGenerator json) throws IOException;
  }

  private FrameWriter() throws IOException {
    out.write(new byte[Limits.PREFIX_BYTES]);
    json = Json.generator(out);
  }

  /** The length, then the object: {@code type}, {@code id}, the content, {@code total_size}. */
  static byte[] header(@Nullable String type, @Nullable String id, Content content, int bodyBytes) {
    try {
      FrameWriter writer = new FrameWriter();
      writer.write(type, id, content, bodyBytes);
      return writer.finish();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void write(@Nullable String type, @Nullable String id, Content content, int bodyBytes)
      throws IOException {
    json.writeStartObject();
    if (type != null) {
      json.writeStringField("type", type);
    }
    if (id != null) {
      json.writeStringField("id", id);
    }
    content.writeTo(json);
    json.writeNumberField("total_size", bodyBytes);
    json.writeEndObject();
    json.close();
  }

  /** The header's text with its length in front of it. */
  static byte[] prefixed(byte[] text) {
    byte[] frame = new byte[Limits.PREFIX_BYTES + text.length];
    System.arraycopy(text, 0, frame, Limits.PREFIX_BYTES, text.length);
    putLittleEndian(frame, text.length);
    return frame;
  }

  private byte[] finish() {
    byte[] bytes = out.toByteArray();
    int length = bytes.length - Limits.PREFIX_BYTES;
    if (length > Limits.MAX_HEADER_BYTES) {
      // The peer would end the connection, and with it everything else that goes over it.
      throw new IllegalArgumentException(
          "header: " + length + " bytes (limit: " + Limits.MAX_HEADER_BYTES + ")");
    }
    putLittleEndian(bytes, length);
    return bytes;
  }

  private static void putLittleEndian(byte[] bytes, int value) {
    for (int i = 0; i < Limits.PREFIX_BYTES; i++) {
      bytes[i] = (byte) (value >>> (8 * i));
    }
  }
}
