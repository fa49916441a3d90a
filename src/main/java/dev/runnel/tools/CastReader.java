package dev.runnel.tools;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Reads an asciicast of version 2, line by line: https://docs.asciinema.org/manual/asciicast/v2.
 * Blocks; for one thread.
 */
final class CastReader implements AutoCloseable {
  /** No event of ours comes near it; whoever names a disk gets an answer all the same. */
  private static final int MAX_LINE_BYTES = 16 << 20;

  private static final int VERSION = 2;
  private static final long MAX_SECONDS = Duration.ofDays(3_650).toSeconds();

  private static final ObjectReader JSON =
      JsonMapper.builder()
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build()
          .readerFor(JsonNode.class);

  private final Path file;
  private final InputStream in;
  private final @Nullable Duration idleLimit;
  private long line;

  /**
   * Something that happened.
   *
   * @param line where it stands
   * @param at since the beginning
   * @param code what it is: {@code o} for output
   */
  record Event(long line, Duration at, String code, String data) {}

  /** A recording that can't be played on; the message names file and line. Has no stack trace. */
  static final class BadCastException extends IOException {
    private static final long serialVersionUID = 1;

    BadCastException(Path file, long line, String what) {
      super(file + ":" + line + ": " + what);
    }

    @Override
    public synchronized Throwable fillInStackTrace() {
      return this;
    }
  }

  private CastReader(Path file, InputStream in) throws IOException, BadCastException {
    this.file = file;
    this.in = in;
    this.idleLimit = readHeader();
  }

  /** Opens a file and reads its first line. */
  static CastReader open(Path file) throws IOException, BadCastException {
    InputStream in = new BufferedInputStream(Files.newInputStream(file));
    boolean opened = false;
    try {
      CastReader reader = new CastReader(file, in);
      opened = true;
      return reader;
    } finally {
      if (!opened) {
        in.close();
      }
    }
  }

  /** How long a pause may be, as the file says; null: it does not. */
  @Nullable Duration idleLimit() {
    return idleLimit;
  }

  private @Nullable Duration readHeader() throws IOException, BadCastException {
    String text = nextLine();
    JsonNode header = text == null ? null : parse(text);
    if (header == null || !header.isObject() || !header.has("version")) {
      throw wrong("not an asciicast (expected: a header with version, width and height)");
    }
    if (header.path("version").asInt() != VERSION) {
      throw wrong("version: " + header.path("version") + " (expected: " + VERSION + ")");
    }
    for (String key : new String[] {"width", "height"}) {
      if (!header.path(key).isIntegralNumber()) {
        throw wrong(key + ": " + shown(header.path(key)) + " (expected: a whole number)");
      }
    }
    JsonNode limit = header.path("idle_time_limit");
    return limit.isNumber() ? duration(limit) : null;
  }

  /** The next event; null: there are no more. */
  @Nullable Event next() throws IOException, BadCastException {
    String text = nextLine();
    while (text != null && text.isBlank()) {
      text = nextLine();
    }
    if (text == null) {
      return null;
    }
    JsonNode event = parse(text);
    if (!event.isArray()
        || event.size() != 3
        || !event.get(0).isNumber()
        || !event.get(1).isTextual()
        || !event.get(2).isTextual()) {
      throw wrong("not an event (expected: [SECONDS, \"CODE\", \"DATA\"])");
    }
    return new Event(line, duration(event.get(0)), event.get(1).asText(), event.get(2).asText());
  }

  private Duration duration(JsonNode seconds) throws BadCastException {
    double value = seconds.asDouble();
    if (!(value >= 0 && value <= MAX_SECONDS)) {
      throw wrong("seconds: " + shown(seconds) + " (expected: from 0 to " + MAX_SECONDS + ")");
    }
    return Duration.ofNanos(Math.round(value * 1e9));
  }

  private JsonNode parse(String text) throws BadCastException {
    try {
      JsonNode node = JSON.readValue(text);
      return node;
    } catch (JsonProcessingException _) {
      throw wrong("not JSON");
    }
  }

  private static String shown(JsonNode node) {
    String text = node.isMissingNode() ? "missing" : node.toString();
    return text.length() <= 32 ? text : text.substring(0, 32) + "…";
  }

  // Null: the end of the file.
  private @Nullable String nextLine() throws IOException, BadCastException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    line++;
    int next = in.read();
    if (next < 0) {
      return null;
    }
    while (next >= 0 && next != '\n') {
      if (bytes.size() == MAX_LINE_BYTES) {
        throw wrong("more than " + MAX_LINE_BYTES + " bytes");
      }
      bytes.write(next);
      next = in.read();
    }
    try {
      ByteBuffer all = ByteBuffer.wrap(bytes.toByteArray());
      return StandardCharsets.UTF_8.newDecoder().decode(all).toString();
    } catch (CharacterCodingException _) {
      throw wrong("not UTF-8");
    }
  }

  private BadCastException wrong(String what) {
    return new BadCastException(file, line, what);
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
