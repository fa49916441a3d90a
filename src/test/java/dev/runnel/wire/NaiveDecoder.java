package dev.runnel.wire;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * PROTOCOL.md, section 1, in the plainest way there is: over all of the bytes at once, with no
 * thought of speed. What {@link dev.runnel.wire.vertx.FrameDecoder} is compared with.
 */
public final class NaiveDecoder {
  private static final JsonMapper MAPPER =
      JsonMapper.builder(
              JsonFactory.builder()
                  .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNameLength(1 << 20)
                          .maxNumberLength(1 << 20)
                          .build())
                  .build())
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  /**
   * A frame as the naive decoder sees it.
   *
   * @param end where in the stream the first byte after it stands
   */
  @SuppressWarnings("ArrayRecordComponent") // Read, never compared.
  public record PlainFrame(@Nullable String id, byte[] body, int end) {}

  /**
   * What is in a stream.
   *
   * @param error the code of the first mistake; null: there is none
   * @param errorAt how many bytes must be there for it to show
   */
  public record Reading(List<PlainFrame> frames, @Nullable String error, int errorAt) {}

  private NaiveDecoder() {}

  /** Reads it from its beginning to its first mistake, or to its end. */
  public static Reading read(byte[] stream) {
    List<PlainFrame> frames = new ArrayList<>();
    ByteBuffer in = ByteBuffer.wrap(stream).order(ByteOrder.LITTLE_ENDIAN);
    while (in.hasRemaining()) {
      if (in.remaining() < 4) {
        return cut(frames, in);
      }
      long length = in.getInt() & 0xFFFFFFFFL;
      if (length < 2 || length > 65_536) {
        return wrong(frames, length < 2 ? "bad_frame" : "header_too_large", in);
      }
      if (in.remaining() < length) {
        return cut(frames, in);
      }
      byte[] header = new byte[(int) length];
      in.get(header);
      Optional<JsonNode> tree = tree(header);
      if (tree.isEmpty()) {
        return wrong(frames, "bad_frame", in);
      }
      long size = tree.get().get("total_size").longValue();
      if (size > 131_072) {
        return wrong(frames, "body_too_large", in);
      }
      if (tree.get().has("id") && !isId(tree.get().get("id"))) {
        return wrong(frames, "bad_frame", in);
      }
      if (in.remaining() < size) {
        return cut(frames, in);
      }
      byte[] body = new byte[(int) size];
      in.get(body);
      frames.add(new PlainFrame(tree.get().path("id").textValue(), body, in.position()));
    }
    return new Reading(frames, null, in.position());
  }

  private static Reading wrong(List<PlainFrame> frames, String error, ByteBuffer in) {
    return new Reading(frames, error, in.position());
  }

  // Shows only at the end of the stream, one byte beyond the last.
  private static Reading cut(List<PlainFrame> frames, ByteBuffer in) {
    return new Reading(frames, "bad_frame", in.limit() + 1);
  }

  /** The header, if it is one object that has a non-negative integer for {@code total_size}. */
  private static Optional<JsonNode> tree(byte[] header) {
    try {
      String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(header)).toString();
      if (text.startsWith("\ufeff") || text.indexOf('\0') >= 0) {
        return Optional.empty(); // The tree's reader would take it, as a mark or as UTF-16.
      }
      JsonNode tree = MAPPER.readTree(header);
      boolean right = tree.isObject() && depth(tree) <= 32 && isSize(totalSize(header));
      return right ? Optional.of(tree) : Optional.empty();
    } catch (CharacterCodingException _) {
      return Optional.empty();
    } catch (IOException _) {
      return Optional.empty();
    }
  }

  private static int depth(JsonNode node) {
    int deepest = 0;
    for (JsonNode child : node) {
      deepest = Math.max(deepest, depth(child));
    }
    return node.isContainerNode() ? deepest + 1 : 0;
  }

  private static boolean isSize(String text) {
    return text.matches("0|[1-9][0-9]{0,15}") && Long.parseLong(text) < 1L << 53;
  }

  // As it was written: a tree has forgotten the sign of -0.
  private static String totalSize(byte[] header) throws IOException {
    try (JsonParser parser = MAPPER.createParser(header)) {
      parser.nextToken();
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String key = parser.currentName();
        JsonToken token = parser.nextToken();
        if (key.equals("total_size")) {
          return token.isNumeric() ? parser.getText() : "";
        }
        parser.skipChildren();
      }
      return "";
    }
  }

  private static boolean isId(JsonNode id) {
    if (!id.isTextual()) {
      return false;
    }
    try {
      String text = id.textValue();
      var encoder = StandardCharsets.UTF_8.newEncoder();
      return encoder.encode(CharBuffer.wrap(text)).remaining() <= 64;
    } catch (CharacterCodingException _) {
      return false;
    }
  }
}
