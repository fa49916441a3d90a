package dev.runnel.cli;

import dev.runnel.model.End;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.JobStatus;
import dev.runnel.model.SafeText;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@code runnel status}: all there is to know of one job. */
final class StatusVerb {
  private static final Option JSON = Option.flag("--json", "as a JSON object");
  private static final Help.Section OWN = new Help.Section("How", List.of(JSON));

  private static final String BEFORE =
      """
      Usage: runnel status [-H HOST] [--json] JOB

      Tells how a job is doing, or how it ended. JOB is its name, or a beginning of it that no other
      has.
      """;
  private static final String AFTER =
      """
      Exit code: 0; 2 wrong usage; 255 anything else.

      Example:
        runnel status -H build-1 nightly-7
      """;

  static final VerbDefinition DEFINITION =
      new VerbDefinition(BEFORE, List.of(OWN, ConnectionOptions.SECTION), AFTER, StatusVerb::run);

  private StatusVerb() {}

  private static int run(CliContext surroundings, Arguments arguments) throws Failure {
    String word = arguments.expectOperands("JOB").getFirst().toString();
    Target target = ConnectionOptions.target(arguments, surroundings);
    try (RequestClient inquiry = RequestClient.open(target, surroundings)) {
      JobStatus status = JobNames.find(inquiry, ExecOptions.jobId("JOB", word));
      surroundings
          .out()
          .print(arguments.has(JSON) ? json(status) + "\n" : text(status, Instant.now()));
      return 0;
    }
  }

  private static JsonText json(JobStatus status) {
    JsonText json = new JsonText().put("job", status.job().value());
    json.put("state", status.state().wireName()).put("principal", status.principal());
    json.put("command", status.command());
    if (!status.labels().isEmpty()) {
      JsonText labels = new JsonText();
      status.labels().values().forEach(labels::put);
      json.put("labels", labels);
    }
    if (status.pid() != null) {
      json.put("pid", status.pid());
    }
    json.put("followers", status.followers());
    if (status.retainBytes() != null) {
      json.put("retain", status.retainBytes());
    }
    if (status.end() != null) {
      return EndReport.putEnd(json, status.end());
    }
    json.put("output_bytes", status.outputBytes());
    if (status.startedAt() != null) {
      json.put("started_at_ms", status.startedAt().toEpochMilli());
    }
    return json;
  }

  private static String text(JobStatus status, Instant now) {
    StringBuilder text = new StringBuilder();
    row(text, "job", status.job().value());
    row(text, "state", status.state().wireName());
    row(text, "who", status.principal());
    row(text, "command", status.command());
    status.labels().values().forEach((name, value) -> row(text, "label", name + "=" + value));
    row(text, "pid", status.pid() == null ? "-" : status.pid().toString());
    Instant known = JobsVerb.startedAt(status);
    Instant started = known.equals(Instant.MIN) ? null : known;
    row(text, "started", started == null ? "-" : started.toString());
    row(text, "bytes", "" + status.outputBytes());
    row(text, "followers", "" + status.followers());
    End end = status.end();
    if (end != null) {
      row(text, "outcome", end.outcome().wireName());
      row(text, "exit", exit(end));
      Duration took = end.duration();
      row(text, "took", took(end));
      row(text, "ended", took == null || started == null ? "-" : started.plus(took).toString());
    } else if (started != null) {
      row(text, "age", JobsVerb.age(Duration.between(started, now)));
    }
    return text.toString();
  }

  /** How long a job took; {@code -}: it has not ended, or never ran. */
  static String took(@Nullable End end) {
    Duration took = end == null ? null : end.duration();
    return took == null ? "-" : took(took);
  }

  /** To the millisecond where that is worth telling. */
  private static String took(Duration duration) {
    return duration.toMinutes() > 0 ? JobsVerb.age(duration) : duration.toMillis() / 1_000.0 + "s";
  }

  static String exit(End end) {
    return switch (end.status()) {
      case null -> end.failure() == null ? "-" : end.failure().errno();
      case ExitStatus.Exited(int code) -> "" + code;
      case ExitStatus.Signaled signaled -> "SIG" + signaled.signalName();
    };
  }

  private static void row(StringBuilder text, String name, String value) {
    text.append(name).repeat(' ', 11 - name.length()).append(SafeText.oneLine(value)).append('\n');
  }
}
