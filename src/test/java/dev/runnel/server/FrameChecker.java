package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * Sees every byte that a client sends and every frame that comes back, and fails the test when the
 * server breaks a rule that holds whatever the test is about. Any thread.
 */
final class FrameChecker {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int MAX_HEADER_BYTES = 65_536;
  private static final int MAX_BODY_BYTES = 131_072;
  private static final String NO_ID = "(none)";

  // All guarded by this.
  private final Map<String, Exchange> inFlight = new HashMap<>();
  private final Map<String, Long> stdinSent = new HashMap<>();
  private byte[] unparsed = {};
  private boolean unparsable;
  private boolean beats;
  private boolean closed;

  /** To be called before the bytes are sent. */
  synchronized void sent(byte[] bytes) {
    if (unparsable) {
      return;
    }
    byte[] all = Arrays.copyOf(unparsed, unparsed.length + bytes.length);
    System.arraycopy(bytes, 0, all, unparsed.length, bytes.length);
    int from = 0;
    for (int length = frameLength(all, from); length > 0; length = frameLength(all, from)) {
      from += length;
    }
    unparsed = Arrays.copyOfRange(all, from, all.length);
  }

  // Notes the frame that begins there, if it is whole; 0 if it is not, or is no frame at all.
  private int frameLength(byte[] bytes, int from) {
    int left = bytes.length - from;
    if (unparsable || left < 4) {
      return 0;
    }
    int header = 0;
    for (int i = 3; i >= 0; i--) {
      header = header << 8 | (bytes[from + i] & 0xFF);
    }
    unparsable = header < 2 || header > MAX_HEADER_BYTES;
    if (unparsable || left < 4 + header) {
      return 0;
    }
    JsonNode parsed = parse(Arrays.copyOfRange(bytes, from + 4, from + 4 + header));
    JsonNode size = parsed.path("total_size");
    unparsable = !size.isIntegralNumber() || size.asLong() < 0 || size.asLong() > MAX_BODY_BYTES;
    if (unparsable || left < 4 + header + size.asInt()) {
      return 0;
    }
    note(parsed);
    return 4 + header + size.asInt();
  }

  private static JsonNode parse(byte[] header) {
    try {
      return JSON.readTree(header);
    } catch (IOException e) {
      return JSON.missingNode();
    }
  }

  private void note(JsonNode request) {
    String type = request.path("type").asText("run");
    if (type.equals("ack")) {
      Exchange followed = inFlight.get(request.path("follow").asText(NO_ID));
      if (followed != null) {
        followed.acknowledge(request.path("offset").asLong());
      }
    } else if (type.equals("stdin")) {
      long end = request.path("offset").asLong() + request.path("total_size").asLong();
      stdinSent.merge(request.path("job").asText(), end, Math::max);
    } else if (!type.equals("pong")) {
      beats |= request.has("heartbeat_ms");
      inFlight.put(request.path("id").asText(NO_ID), new Exchange(request, stdinSent));
    }
  }

  /** Before a body is read. */
  static void checkSizes(int headerBytes, JsonNode header) {
    assertTrue(headerBytes >= 2 && headerBytes <= MAX_HEADER_BYTES, "header: " + headerBytes);
    JsonNode size = header.path("total_size");
    assertTrue(size.isIntegralNumber(), () -> "total_size: " + header);
    assertTrue(size.asLong() >= 0 && size.asLong() <= MAX_BODY_BYTES, () -> "body: " + header);
  }

  synchronized void received(JsonNode header, byte[] body) {
    assertFalse(closed, () -> "after the error that ends the connection: " + header);
    assertTrue(header.path("type").isTextual(), () -> "type: " + header);
    assertTrue(header.path("final").isBoolean(), () -> "final: " + header);
    boolean last = header.path("final").asBoolean();
    if (header.path("close").asBoolean()) {
      assertTrue(last, () -> "final: " + header);
      assertNull(header.get("id"), () -> "id: " + header);
      assertEquals("error", header.path("type").asText());
      closed = true;
      return;
    }
    if (header.path("type").asText().equals("ping")) {
      assertTrue(beats && !last && !header.has("id"), header::toString);
      return;
    }
    String id = header.path("id").asText(NO_ID);
    Exchange exchange = inFlight.get(id);
    if (exchange == null) {
      throw new AssertionError("nothing was asked, or it was answered in full: " + header);
    }
    exchange.received(header, body);
    if (last) {
      inFlight.remove(id);
    }
  }

  /** A request on its way to its final frame. */
  private static final class Exchange {
    private static final Set<String> FOLLOWS = Set.of("run", "attach");
    private static final Set<String> LAST_OF_FOLLOW = Set.of("end", "detached");
    private static final Set<String> INTERIM_OF_RUN =
        Set.of("started", "output", "gap", "stdin_ack", "stdin_closed", "exited", "resized");

    private final String type;
    private final @Nullable Long window;
    private final Map<String, Long> stdinSent;
    private final Map<String, Tally> tallies = Map.of("stdout", new Tally(), "stderr", new Tally());
    // Null: the log's end, wherever that is.
    private final @Nullable Long from;
    private String job;
    private final boolean mayExist;
    private final boolean wantsSeat;
    private final boolean isWatch;
    private long begin;
    private long creditEnd;
    private long next;
    private long gapBytes;
    private long stdinAcknowledged;
    private boolean started;
    private boolean exited;
    private boolean stdinClosed;
    private boolean owesStdinAck;

    Exchange(JsonNode request, Map<String, Long> stdinSent) {
      isWatch = request.path("watch").asBoolean();
      this.type = request.path("type").asText("run");
      this.window = request.has("window") ? (Long) request.path("window").asLong() : null;
      this.from = request.path("from").isTextual() ? null : (Long) request.path("from").asLong();
      this.job = request.path("job").asText("");
      this.stdinSent = stdinSent;
      this.mayExist = type.equals("attach") || request.has("once");
      this.wantsSeat = type.equals("run") || request.path("runner").asBoolean();
      this.creditEnd = window == null ? Long.MAX_VALUE : window;
    }

    void acknowledge(long offset) {
      if (window != null) {
        creditEnd = Math.max(creditEnd, offset + window);
      }
    }

    void received(JsonNode header, byte[] body) {
      String answer = header.path("type").asText();
      boolean last = header.path("final").asBoolean();
      if (answer.equals("error")) {
        assertTrue(last, header::toString);
      } else if (FOLLOWS.contains(type)) {
        assertEquals(LAST_OF_FOLLOW.contains(answer), last, header::toString);
        assertTrue(last || INTERIM_OF_RUN.contains(answer), header::toString);
        receivedOfRun(answer, header, body);
      } else {
        boolean isOk = Set.of("signal", "cancel", "detach", "resize", "forget").contains(type);
        String expected = isOk ? "ok" : type.equals("ping") ? "pong" : type;
        assertEquals(isWatch && last ? "detached" : expected, answer, header::toString);
        assertTrue(last || type.equals("jobs") || type.equals("nodes"), header::toString);
      }
    }

    private void receivedOfRun(String answer, JsonNode header, byte[] body) {
      if (answer.equals("detached")) {
        assertTrue(Set.of("asked", "replaced").contains(header.path("reason").asText()));
        return;
      }
      if (job.isEmpty()) {
        job = header.path("job").asText();
      }
      assertEquals(job, header.path("job").asText(), header::toString);
      boolean isOfStdin = answer.startsWith("stdin_");
      assertTrue(!owesStdinAck || isOfStdin, () -> "no stdin_ack after started: " + header);
      assertTrue(wantsSeat || !isOfStdin, () -> "to who has no seat: " + header);
      owesStdinAck = false;
      switch (answer) {
        case "started" -> {
          assertFalse(started, () -> "second: " + header);
          started = true;
          next = header.path("next").asLong(-1);
          begin = next;
          creditEnd += window == null ? 0 : next;
          assertTrue(from == null || from == next, () -> "from " + from + ": " + header);
          boolean existing = header.path("existing").asBoolean();
          assertTrue(existing ? mayExist : next == 0, header::toString);
          assertTrue(wantsSeat || !header.has("stdin_window"), header::toString);
          owesStdinAck = header.has("stdin_window");
        }
        case "output" -> output(header, body);
        case "gap" -> {
          assertEquals(next, header.path("from").asLong(-1), header::toString);
          assertTrue(header.path("to").asLong() > next, header::toString);
          assertTrue(started, () -> "before started: " + header);
          long gap = header.path("to").asLong() - next;
          gapBytes += gap;
          creditEnd += window == null ? 0 : gap;
          next = header.path("to").asLong();
        }
        case "exited" -> {
          assertTrue(started && !exited, () -> "not once: " + header);
          exited = true;
        }
        case "resized" -> assertTrue(started && !wantsSeat, () -> "not to a watcher: " + header);
        case "stdin_ack" -> {
          assertFalse(stdinClosed, () -> "after stdin_closed: " + header);
          long offset = header.path("offset").asLong(-1);
          assertTrue(offset >= stdinAcknowledged, () -> stdinAcknowledged + " before: " + header);
          long sent = mayExist ? Long.MAX_VALUE : stdinSent.getOrDefault(job, 0L);
          assertTrue(offset <= sent, () -> "never sent: " + header);
          stdinAcknowledged = offset;
        }
        case "stdin_closed" -> {
          assertFalse(stdinClosed, () -> "second: " + header);
          stdinClosed = true;
        }
        case "end" -> end(header);
        default -> fail("not of a run: " + header);
      }
    }

    private void output(JsonNode header, byte[] body) {
      assertTrue(started, () -> "before started: " + header);
      assertEquals(next, header.path("offset").asLong(-1), header::toString);
      assertTrue(body.length > 0, () -> "empty: " + header);
      next += body.length;
      assertTrue(next <= creditEnd, () -> "credit: " + creditEnd + ": " + header);
      Tally tally = tallies.get(header.path("stream").asText());
      if (tally == null) {
        throw new AssertionError("stream: " + header);
      }
      tally.add(body);
    }

    private void end(JsonNode header) {
      assertEquals(gapBytes, header.path("gap_bytes").asLong(-1), header::toString);
      long length = header.path("output_bytes").asLong(-1);
      assertEquals(started ? next : length, length, header::toString);
      assertFalse(header.has("exit_code") && header.has("signal"), header::toString);
      if (started && begin == 0 && gapBytes == 0) {
        tallies.forEach((stream, tally) -> tally.check(stream, header));
      }
    }
  }

  /** What came of one stream. */
  private static final class Tally {
    private final CRC32 crc = new CRC32();
    private long bytes;

    void add(byte[] body) {
      crc.update(body);
      bytes += body.length;
    }

    void check(String stream, JsonNode end) {
      JsonNode told = end.path(stream);
      assertEquals(told.path("bytes").asLong(-1), bytes, () -> stream + " bytes: " + end);
      assertEquals(told.path("crc32").asLong(-1), crc.getValue(), () -> stream + " crc: " + end);
    }
  }
}
