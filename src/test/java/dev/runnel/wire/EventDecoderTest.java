package dev.runnel.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

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
import dev.runnel.model.Stream;
import dev.runnel.model.StreamTotal;
import dev.runnel.model.TerminalSize;
import java.io.ByteArrayInputStream;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.NullMarked;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;

@NullMarked
class EventDecoderTest {
  private static final JobId JOB = new JobId("build-7");
  private static final StreamTotal TOTAL = new StreamTotal(5_000_000_000L, 4_294_967_295L);
  private static final Instant START = Instant.ofEpochMilli(1_760_000_000_123L);

  static final List<Event> EVENTS =
      List.of(
          new Event.Hello(
              1, "runnel 1", "node-1", "b", 65_536, 131_072, 16, 12, List.of("stdin", "jobs")),
          new Event.Started(
              JOB,
              "node-1",
              "b",
              17,
              JobState.RUNNING,
              65_536,
              false,
              0,
              1_048_576L,
              new TerminalSize(24, 80)),
          new Event.Started(JOB, "node-1", "b", 17, JobState.ENDED, null, true, 9, null, null),
          new Event.Output(JOB, Stream.STDERR, 9_007_199_254_740_991L),
          new Event.Gap(JOB, 3, 9),
          new Event.StdinAck(JOB, 9, false),
          new Event.StdinAck(JOB, 9, true),
          new Event.StdinClosed(JOB),
          new Event.Resized(JOB, new TerminalSize(50, 132)),
          new Event.Exited(JOB, new ExitStatus.Exited(255)),
          new Event.Exited(JOB, new ExitStatus.Signaled(9)),
          new Event.Exited(JOB, new ExitStatus.Signaled(34)),
          new Event.Ended(end(Outcome.EXITED, new ExitStatus.Exited(0), null), 7),
          new Event.Ended(end(Outcome.TIMED_OUT, new ExitStatus.Signaled(15), null), 0),
          new Event.Ended(
              end(
                  Outcome.START_FAILED,
                  null,
                  new StartFailure("ENOENT", StartFailure.At.CWD, "no such folder")),
              0),
          new Event.Detached(Event.Detached.Reason.ASKED),
          new Event.Detached(Event.Detached.Reason.REPLACED),
          new Event.Ok(JobState.DRAINING),
          new Event.Ok(JobState.DRAINING),
          new Event.Ping(),
          new Event.Pong(),
          new Event.Status(status(null)),
          new Event.Status(status(end(Outcome.LOST, null, null))),
          new Event.JobsPart(),
          new Event.JobsEnd(),
          new Event.Failed(ErrorCode.JOB_EXISTS, "job: build-7 is in use", JOB),
          new Event.Failed(ErrorCode.UNAUTHENTICATED, "token: missing", null));

  private static End end(
      Outcome outcome, @Nullable ExitStatus status, @Nullable StartFailure failure) {
    return new End(
        JOB,
        outcome,
        status,
        failure,
        TOTAL,
        new StreamTotal(0, 0),
        TOTAL.bytes(),
        false,
        List.of(new Leftover(18, "sleep 1000", true), new Leftover(19, "cat", false)),
        70,
        null,
        Duration.ofMillis(1_234),
        Duration.ofMillis(0),
        status instanceof ExitStatus.Signaled);
  }

  private static JobStatus status(@Nullable End end) {
    return new JobStatus(
        JOB,
        end == null ? JobState.RUNNING : JobState.ENDED,
        "ann",
        "sh -c ls",
        new Labels(Map.of("app", "shop")),
        17,
        TOTAL.bytes(),
        2,
        65_536L,
        new TerminalSize(1, 65_535),
        START,
        end == null ? null : startedAt(end));
  }

  // Lists leave out leftovers.
  private static End brief() {
    return new End(
        JOB,
        Outcome.CANCELED,
        new ExitStatus.Signaled(15),
        null,
        TOTAL,
        new StreamTotal(0, 0),
        TOTAL.bytes(),
        true,
        List.of(),
        0,
        START,
        Duration.ofMillis(1),
        null,
        false);
  }

  // A status has one time of start, which is its end's as well.
  private static End startedAt(End end) {
    return new End(
        end.job(),
        end.outcome(),
        end.status(),
        end.failure(),
        end.stdout(),
        end.stderr(),
        end.outputBytes(),
        end.drained(),
        end.leftovers(),
        end.leftoversTotal(),
        START,
        end.duration(),
        end.cpu(),
        end.oom());
  }

  @ParameterizedTest
  @FieldSource("EVENTS")
  void readsBackWhatWasWritten(Event event) throws Exception {
    Header header = header(EventEncoder.encode("a", event, 0));
    assertEquals("a", header.id());
    assertEquals(event, EventDecoder.decode(header));
  }

  @Test
  void readsAListOfStatusesInAllItsParts() throws Exception {
    List<JobStatus> statuses = new ArrayList<>();
    for (int i = 0; i < 2_000; i++) {
      statuses.add(status(i % 2 == 0 ? null : brief()));
    }
    List<JobStatus> read = new ArrayList<>();
    for (byte[] part : EventEncoder.encodeStatuses(statuses)) {
      read.addAll(EventDecoder.decodeStatuses(part));
    }
    assertEquals(statuses, read);
    assertEquals(List.of(), EventDecoder.decodeStatuses(RawFrames.utf8("[]")));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"type\":\"heartbeat\",\"total_size\":0}",
        "{\"type\":\"progress\",\"final\":false,\"job\":7,\"total_size\":0}"
      })
  void passesOverUnknownFramesThatAreNotTheLast(String text) throws Exception {
    assertNull(EventDecoder.decode(header(RawFrames.frame(text))));
  }

  @Test
  void passesOverUnknownKeys() throws Exception {
    String text =
        "{\"type\":\"pong\",\"final\":true,\"weather\":[1.5,{\"a\":null}],\"total_size\":0}";
    assertEquals(new Event.Pong(), EventDecoder.decode(header(RawFrames.frame(text))));
  }

  @Test
  void readsAnEndThatTellsLittle() throws Exception {
    String text =
        "{\"type\":\"end\",\"final\":true,\"job\":\"a\",\"outcome\":\"start_failed\","
            + "\"errno\":\"ENOENT\",\"at\":\"exec\",\"message\":\"no\",\"total_size\":0}";
    Event.Ended ended = (Event.Ended) EventDecoder.decode(header(RawFrames.frame(text)));
    assertNotNull(ended);
    assertEquals(new StreamTotal(0, 0), ended.end().stdout());
    assertTrue(ended.end().drained());
  }

  @Test
  void keepsTheNameOfAnErrorOfLaterServers() throws Exception {
    String text = "{\"type\":\"error\",\"final\":true,\"code\":\"too_hot\",\"message\":\"99 C\",";
    assertEquals(
        new Event.Failed(ErrorCode.INTERNAL, "too_hot: 99 C", null),
        EventDecoder.decode(header(RawFrames.frame(text + "\"total_size\":0}"))));
    assertEquals(
        new Event.Failed(ErrorCode.BAD_FRAME, "too_hot: 99 C", null),
        EventDecoder.decode(header(RawFrames.frame(text + "\"close\":true,\"total_size\":0}"))));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"x\":1",
        "\"type\":7",
        "\"type\":\"farewell\",\"final\":true",
        "\"type\":\"output\",\"job\":\"a\",\"stream\":\"stdin\",\"offset\":0",
        "\"type\":\"output\",\"job\":\"a\",\"stream\":\"stdout\",\"offset\":-1",
        "\"type\":\"output\",\"job\":\"a\",\"stream\":\"stdout\",\"offset\":1.5",
        "\"type\":\"output\",\"job\":\"a b\",\"stream\":\"stdout\",\"offset\":0",
        "\"type\":\"output\",\"job\":\"a\",\"stream\":\"stdout\"",
        "\"type\":\"exited\",\"job\":\"a\",\"exit_code\":256",
        "\"type\":\"exited\",\"job\":\"a\",\"signal\":\"NOPE\"",
        "\"type\":\"exited\",\"job\":\"a\",\"signal\":\"65\"",
        "\"type\":\"exited\",\"job\":\"a\"",
        "\"type\":\"end\",\"final\":true,\"job\":\"a\",\"outcome\":\"exited\",\"exit_code\":0",
        "\"type\":\"end\",\"final\":true,\"job\":\"a\",\"outcome\":\"won\"",
        "\"type\":\"ok\",\"final\":true,\"state\":\"fine\""
      })
  void refusesWhatCanNotBeMeant(String keys) throws Exception {
    Header header = header(RawFrames.frame("{" + keys + ",\"total_size\":0}"));
    ProtocolException e = assertThrows(ProtocolException.class, () -> EventDecoder.decode(header));
    assertEquals(ErrorCode.BAD_FRAME, e.code());
  }

  private static Header header(byte[] frame) throws Exception {
    Header header = new FrameInput(new ByteArrayInputStream(frame)).nextHeader();
    assertNotNull(header);
    return header;
  }
}
