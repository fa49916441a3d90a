package dev.runnel.wire;

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
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/** What the answers among PROTOCOL.md's vectors tell, by name. */
final class VectorAnswers {
  private static final JobId BUILD = new JobId("build.7");
  private static final JobId UNNAMED = new JobId("j1");
  private static final Instant NEW_YEAR = Instant.parse("2026-01-01T00:00:00Z");
  private static final byte[] HELLO = RawFrames.utf8("hello\n");
  private static final byte[] BINARY = {0, (byte) 0xFF, '\r', '\n'};
  private static final StreamTotal NOTHING = new StreamTotal(0, 0);
  private static final List<JobStatus> STATUSES =
      List.of(
          new JobStatus(
              BUILD,
              JobState.STARTING,
              "ci",
              "make all",
              Labels.NONE,
              null,
              0,
              1,
              null,
              null,
              null,
              null));

  static final Map<String, Answer> ALL =
      Map.ofEntries(
          answer("hello-answer", "h", hello()),
          answer(
              "started",
              "r-1",
              new Event.Started(
                  BUILD, "n1", "b-1", 4711, JobState.RUNNING, 65_536, false, 0, null, null)),
          answer(
              "started-without-stdin",
              null,
              new Event.Started(
                  UNNAMED, "n1", "b-1", 4712, JobState.RUNNING, null, false, 0, null, null)),
          answer(
              "started-again",
              "a",
              new Event.Started(
                  BUILD, "n1", "b-1", 4711, JobState.ENDED, 65_536, true, 7, null, null)),
          answer(
              "started-on-a-terminal",
              "w",
              new Event.Started(
                  UNNAMED,
                  "n1",
                  "b-1",
                  4713,
                  JobState.RUNNING,
                  null,
                  true,
                  0,
                  65_536L,
                  new TerminalSize(24, 80))),
          answer("resized", "w", new Event.Resized(UNNAMED, new TerminalSize(50, 132))),
          answer("detached", "a", new Event.Detached(Event.Detached.Reason.REPLACED)),
          answer("output", "r-1", new Event.Output(BUILD, Stream.STDOUT, 0), HELLO),
          answer("output-of-stderr", null, new Event.Output(UNNAMED, Stream.STDERR, 6), BINARY),
          answer("gap", "r-1", new Event.Gap(BUILD, 10, 10 + (1 << 20))),
          answer("stdin-ack", "r-1", new Event.StdinAck(BUILD, 5, false)),
          answer("stdin-ack-eof", "r-1", new Event.StdinAck(BUILD, 5, true)),
          answer("stdin-closed", "r-1", new Event.StdinClosed(BUILD)),
          answer("exited", "r-1", new Event.Exited(BUILD, new ExitStatus.Exited(0))),
          answer("end", "r-1", new Event.Ended(end(), 0)),
          answer("end-timed-out", null, new Event.Ended(timedOut(), 0)),
          answer("end-start-failed", "1", new Event.Ended(startFailed(), 0)),
          answer("ok", "c", new Event.Ok(JobState.DRAINING)),
          answer("ping-of-the-server", null, new Event.Ping()),
          answer("pong", null, new Event.Pong()),
          answer(
              "jobs-gone",
              "w",
              new Event.JobsPart(new Event.JobsPart.Watched(List.of(BUILD, UNNAMED), true, true)),
              RawFrames.utf8("[]")),
          answer("status-answer", "t", new Event.Status(running())),
          answer("status-with-labels", "t", new Event.Status(labeled())),
          answer("status-of-an-ended-job", null, new Event.Status(ended())),
          answer(
              "jobs-answer",
              "j",
              new Event.JobsEnd(),
              EventEncoder.encodeStatuses(STATUSES).getFirst()),
          answer(
              "error",
              "7",
              new Event.Failed(ErrorCode.BAD_REQUEST, "\"timeout\": unknown key", null)),
          answer(
              "error-about-a-job",
              "7",
              new Event.Failed(ErrorCode.UNAVAILABLE, "the server is shutting down", BUILD)),
          answer(
              "error-that-closes",
              null,
              new Event.Failed(
                  ErrorCode.BODY_TOO_LARGE, "body: 5242881 bytes (limit: 131072)", null)));

  /**
   * An event on its way to a client.
   *
   * @param id null: the request had none
   */
  @SuppressWarnings("ArrayRecordComponent") // Read, never compared.
  record Answer(@Nullable String id, Event event, byte[] body) {}

  private VectorAnswers() {}

  private static Map.Entry<String, Answer> answer(String name, @Nullable String id, Event event) {
    return answer(name, id, event, new byte[0]);
  }

  private static Map.Entry<String, Answer> answer(
      String name, @Nullable String id, Event event, byte[] body) {
    return Map.entry(name, new Answer(id, event, body));
  }

  private static Event hello() {
    return new Event.Hello(
        1,
        "runnel 0.1.0",
        "n1",
        "b-1",
        65_536,
        131_072,
        256,
        256,
        List.of(
            "run",
            "stdin",
            "window",
            "signal",
            "cancel",
            "status",
            "jobs",
            "argv_body",
            "merge",
            "leftovers"));
  }

  private static End end() {
    return new End(
        BUILD,
        Outcome.EXITED,
        new ExitStatus.Exited(3),
        null,
        total(HELLO),
        NOTHING,
        6,
        true,
        List.of(),
        0,
        NEW_YEAR,
        Duration.ofMillis(42),
        Duration.ofMillis(7),
        false);
  }

  private static End timedOut() {
    return new End(
        UNNAMED,
        Outcome.TIMED_OUT,
        new ExitStatus.Signaled(15),
        null,
        NOTHING,
        total(BINARY),
        4,
        false,
        List.of(new Leftover(4713, "sleep 1000", true)),
        1,
        NEW_YEAR,
        Duration.ofMillis(60_002),
        null,
        false);
  }

  private static End startFailed() {
    return new End(
        new JobId("j2"),
        Outcome.START_FAILED,
        null,
        new StartFailure("ENOENT", StartFailure.At.EXEC, "nonesuch: No such file or directory"),
        NOTHING,
        NOTHING,
        0,
        true,
        List.of(),
        0,
        null,
        null,
        null,
        false);
  }

  private static JobStatus running() {
    return new JobStatus(
        BUILD,
        JobState.RUNNING,
        "ci",
        "make all",
        Labels.NONE,
        4711,
        6,
        1,
        1_048_576L,
        null,
        NEW_YEAR,
        null);
  }

  private static JobStatus labeled() {
    return new JobStatus(
        new JobId("l1"),
        JobState.RUNNING,
        "ci",
        "make",
        new Labels(Map.of("app", "shop", "stage", "test/1")),
        4711,
        6,
        1,
        1_048_576L,
        null,
        NEW_YEAR,
        null);
  }

  private static JobStatus ended() {
    return new JobStatus(
        UNNAMED,
        JobState.ENDED,
        "ci",
        "sleep 60",
        Labels.NONE,
        4712,
        4,
        0,
        null,
        null,
        NEW_YEAR,
        timedOut());
  }

  private static StreamTotal total(byte[] bytes) {
    CRC32 crc = new CRC32();
    crc.update(bytes);
    return new StreamTotal(bytes.length, crc.getValue());
  }
}
