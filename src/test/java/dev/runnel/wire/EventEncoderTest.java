package dev.runnel.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.runnel.model.End;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.Event;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.JobId;
import dev.runnel.model.JobState;
import dev.runnel.model.JobStatus;
import dev.runnel.model.Labels;
import dev.runnel.model.Leftover;
import dev.runnel.model.Outcome;
import dev.runnel.model.StartFailure;
import dev.runnel.model.StreamTotal;
import dev.runnel.model.TerminalSize;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** PROTOCOL.md, section 4: what every answer has, and how large it may become. */
class EventEncoderTest {
  private static final ObjectMapper MAPPER = new ObjectMapper();
  private static final JobId LONGEST_NAME = new JobId("j".repeat(64));
  private static final String LONGEST_ID = "\u0001".repeat(64);
  private static final StreamTotal LARGEST = new StreamTotal(Long.MAX_VALUE, 0xFFFFFFFFL);
  private static final Set<String> FINAL =
      Set.of("hello", "end", "detached", "ok", "pong", "status", "error");
  private static final Set<String> INTERIM =
      Set.of("ping", "started", "output", "gap", "stdin_ack", "stdin_closed", "exited", "resized");

  static Stream<Event> events() {
    return Stream.concat(
        VectorAnswers.ALL.values().stream().map(VectorAnswers.Answer::event),
        Stream.of(
            new Event.JobsPart(),
            new Event.JobsEnd(),
            new Event.JobsEnd(List.of("n2")),
            new Event.NodesPart(),
            new Event.NodesEnd()));
  }

  @ParameterizedTest
  @MethodSource("events")
  void saysWhetherItIsTheLastOfAnAnswer(Event event) throws Exception {
    JsonNode header = header(EventEncoder.encode("7", event, 0));
    String type = header.path("type").asText();
    assertTrue(header.path("final").isBoolean());
    switch (event) {
      case Event.JobsPart _ -> assertFalse(header.path("final").asBoolean());
      case Event.JobsEnd _, Event.NodesEnd _ -> assertTrue(header.path("final").asBoolean());
      case Event.NodesPart _ -> assertFalse(header.path("final").asBoolean());
      case Event _ -> assertEquals(FINAL.contains(type), header.path("final").asBoolean(), type);
    }
    boolean either = type.equals("jobs") || type.equals("nodes");
    assertTrue(either || FINAL.contains(type) != INTERIM.contains(type), type);
  }

  @Test
  void theVectorsHaveEveryKindOfEvent() {
    Set<Class<?>> seen = events().map(Event::getClass).collect(Collectors.toSet());
    Set<Class<?>> all =
        Stream.of(Event.Interim.class, Event.Final.class)
            .flatMap(kind -> Arrays.stream(kind.getPermittedSubclasses()))
            .collect(Collectors.toSet());
    assertEquals(all, seen);
  }

  @ParameterizedTest
  @MethodSource("events")
  void repeatsTheIdAndCountsTheBody(Event event) throws Exception {
    JsonNode named = header(EventEncoder.encode("é\"\\\n😀", event, 131_072));
    assertEquals("é\"\\\n😀", named.path("id").asText());
    assertEquals(131_072, named.path("total_size").asInt());
    assertFalse(header(EventEncoder.encode(null, event, 0)).has("id"));
  }

  @ParameterizedTest
  @EnumSource(ErrorCode.class)
  void saysOfEveryErrorWhetherItCloses(ErrorCode code) throws Exception {
    JsonNode header = header(EventEncoder.encode("7", new Event.Failed(code, "x", null), 0));
    boolean closes = code.scope() == ErrorCode.Scope.CONNECTION;
    assertEquals(closes, header.path("close").asBoolean(false));
    assertEquals(closes, header.has("close"));
    assertTrue(header.path("final").asBoolean());
  }

  @ParameterizedTest
  @EnumSource(Outcome.class)
  void tellsTheWaitStatusWhateverTheOutcome(Outcome outcome) throws Exception {
    JsonNode code = header(encode(end(outcome, new ExitStatus.Exited(255), List.of(), "m")));
    assertEquals(255, code.path("exit_code").asInt());
    assertFalse(code.has("signal"));
    JsonNode signal = header(encode(end(outcome, new ExitStatus.Signaled(9), List.of(), "m")));
    assertEquals("KILL", signal.path("signal").asText());
    assertFalse(signal.has("exit_code"));
    JsonNode realTime = header(encode(end(outcome, new ExitStatus.Signaled(34), List.of(), "m")));
    assertEquals("34", realTime.path("signal").textValue());
    JsonNode none = header(encode(end(outcome, null, List.of(), "m")));
    assertFalse(none.has("exit_code") || none.has("signal"));
    assertEquals(outcome.wireName(), none.path("outcome").asText());
    assertEquals(outcome == Outcome.START_FAILED, none.has("errno"));
  }

  static Stream<String> commands() {
    return Stream.of("a", "\u0001", "\"", "é", "€", "😀", "\ud83d", "\ufffd", "\u007f", "\u2028")
        .map(character -> character.repeat(256));
  }

  @ParameterizedTest
  @MethodSource("commands")
  void keepsTheHeaderWithinBoundsWhateverItTells(String command) throws Exception {
    List<Leftover> leftovers =
        Collections.nCopies(64, new Leftover(Integer.MAX_VALUE, command, false));
    String message = command.repeat(1_000);
    Event.Ended ended =
        new Event.Ended(
            end(Outcome.START_FAILED, new ExitStatus.Exited(1), leftovers, message),
            Long.MAX_VALUE);
    JsonNode end = header(EventEncoder.encode(LONGEST_ID, ended, 131_072));
    assertEquals(64, end.path("leftovers_total").asInt());
    assertTrue(end.path("leftovers").size() >= 16, end.path("leftovers").size() + " leftovers");
    assertTrue(end.path("leftovers").size() == 64 || !command.startsWith("a"));

    JsonNode status = header(encode(new Event.Status(status(command, ended.end()))));
    assertEquals(end.path("leftovers"), status.path("leftovers"));
    assertEquals(
        command.replace("\ud83d", command.startsWith("😀") ? "\ud83d" : "\ufffd"),
        status.path("command").asText());
    header(encode(new Event.Failed(ErrorCode.BAD_REQUEST, message, LONGEST_NAME)));
  }

  @Test
  void cutsALongMessageAndSaysSo() throws Exception {
    String shown = message("x".repeat(1_024));
    assertEquals("x".repeat(1_024), shown);
    assertEquals(shown + "…", message("x".repeat(1_025)));
    assertEquals("x".repeat(1_023) + "\ufffd…", message("x".repeat(1_023) + "😀"));
    assertEquals("a\ufffdb😀", message("a\ud83db😀"));
  }

  private static String message(String text) throws IOException {
    return header(encode(new Event.Failed(ErrorCode.INTERNAL, text, null)))
        .path("message")
        .asText();
  }

  @Test
  void refusesToWriteAHeaderThatNobodyMayRead() {
    Event.Hello hello = new Event.Hello(1, "x".repeat(65_536), "n", "b", 1, 1, 1, 1, List.of());
    assertThrows(IllegalArgumentException.class, () -> encode(hello));
  }

  @Test
  void writesTheLargestHeaderThatMayBeRead() throws Exception {
    int overhead = encode(new Event.Hello(1, "", "n", "b", 1, 1, 1, 1, List.of())).length - 4;
    String software = "x".repeat(65_536 - overhead);
    byte[] frame = encode(new Event.Hello(1, software, "n", "b", 1, 1, 1, 1, List.of()));
    assertEquals(65_536, header(frame).toString().length());
    Event longer = new Event.Hello(1, software + "x", "n", "b", 1, 1, 1, 1, List.of());
    assertThrows(IllegalArgumentException.class, () -> encode(longer));
  }

  @ParameterizedTest
  @MethodSource("commands")
  void keepsEachPartOfAListWithinBounds(String command) throws Exception {
    List<Leftover> leftovers =
        Collections.nCopies(64, new Leftover(Integer.MAX_VALUE, command, true));
    End end = end(Outcome.START_FAILED, new ExitStatus.Signaled(64), leftovers, command);
    for (JobStatus status : List.of(status(command, null), status(command, end))) {
      for (int count : new int[] {0, 1, 2, 3, 100, 500}) {
        assertTellsAll(Collections.nCopies(count, status));
      }
    }
  }

  @Test
  void fillsAPartToTheLastByte() throws Exception {
    int empty = EventEncoder.encodeStatuses(List.of(status("", null))).getFirst().length;
    // Two elements, the brackets and a comma, just within the limit and just beyond it.
    int room = 131_072 - 2 * (empty - 2) - 3;
    JobStatus half = status("x".repeat(room / 2), null);
    JobStatus otherHalf = status("x".repeat(room - room / 2), null);
    JobStatus oneMore = status("x".repeat(room - room / 2 + 1), null);
    List<byte[]> full = EventEncoder.encodeStatuses(List.of(half, otherHalf));
    assertEquals(1, full.size());
    assertEquals(131_072, full.getFirst().length);
    assertEquals(2, EventEncoder.encodeStatuses(List.of(half, oneMore)).size());
  }

  private static void assertTellsAll(List<JobStatus> statuses) throws IOException {
    List<byte[]> bodies = EventEncoder.encodeStatuses(statuses);
    List<JsonNode> told = new ArrayList<>();
    for (byte[] body : bodies) {
      assertTrue(body.length <= 131_072, body.length + " bytes");
      MAPPER.readTree(body).forEach(told::add);
    }
    assertEquals(statuses.size(), told.size());
    assertTrue(!bodies.isEmpty());
    for (JsonNode status : told) {
      assertEquals(LONGEST_NAME.value(), status.path("job").asText());
      assertFalse(status.has("leftovers"));
      assertEquals(status.has("outcome"), status.has("leftovers_total"));
    }
  }

  private static JobStatus status(String command, @Nullable End end) {
    return new JobStatus(
        LONGEST_NAME,
        end == null ? JobState.RUNNING : JobState.ENDED,
        "principal",
        command,
        longestLabels(),
        Integer.MAX_VALUE,
        Long.MAX_VALUE,
        Integer.MAX_VALUE,
        Long.MAX_VALUE,
        new TerminalSize(TerminalSize.MAX, TerminalSize.MAX),
        Instant.EPOCH,
        end);
  }

  // A backslash takes two bytes of a header.
  private static Labels longestLabels() {
    Map<String, String> labels = new HashMap<>();
    for (int i = 0; i < Labels.MAX_LABELS; i++) {
      labels.put("" + (10 + i), "\\".repeat(Labels.MAX_BYTES / Labels.MAX_LABELS - 2));
    }
    Labels longest = new Labels(labels);
    longest.check();
    return longest;
  }

  private static End end(
      Outcome outcome, @Nullable ExitStatus status, List<Leftover> leftovers, String message) {
    StartFailure failure =
        outcome == Outcome.START_FAILED
            ? new StartFailure("ENAMETOOLONG", StartFailure.At.LIMITS, message)
            : null;
    return new End(
        LONGEST_NAME,
        outcome,
        status,
        failure,
        LARGEST,
        LARGEST,
        Long.MAX_VALUE,
        false,
        leftovers,
        leftovers.size(),
        Instant.EPOCH,
        Duration.ofDays(365),
        Duration.ofDays(365),
        true);
  }

  private static byte[] encode(End end) {
    return encode(new Event.Ended(end, 0));
  }

  private static byte[] encode(Event event) {
    return EventEncoder.encode(null, event, 0);
  }

  /** Checks what every frame has to be, by hand. */
  private static JsonNode header(byte[] frame) throws IOException {
    int length = frame.length - 4;
    assertTrue(length <= 65_536, length + " bytes");
    assertEquals(
        Arrays.toString(RawFrames.littleEndian(length)), Arrays.toString(Arrays.copyOf(frame, 4)));
    return MAPPER.readTree(frame, 4, length);
  }
}
