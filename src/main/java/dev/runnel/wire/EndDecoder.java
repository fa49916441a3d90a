package dev.runnel.wire;

import dev.runnel.model.End;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.Leftover;
import dev.runnel.model.Outcome;
import dev.runnel.model.Signal;
import dev.runnel.model.StartFailure;
import dev.runnel.model.StreamTotal;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** How a job ended, as a server tells it. PROTOCOL.md, "Answers", {@code end}. */
final class EndDecoder {
  private static final int MAX_SIGNAL = 64;
  private static final int MAX_EXIT_CODE = 255;

  private EndDecoder() {}

  static End decode(Fields fields) throws ProtocolException {
    Outcome outcome = outcome(fields);
    ExitStatus status = fields.has("exit_code") || fields.has("signal") ? exitStatus(fields) : null;
    checkStatus(outcome, status);
    return new End(
        fields.job(),
        outcome,
        status,
        outcome == Outcome.START_FAILED ? failure(fields) : null,
        total(fields, "stdout", outcome),
        total(fields, "stderr", outcome),
        isUnmeasured(outcome) ? fields.number("output_bytes", 0) : fields.number("output_bytes"),
        // Said only if it was not so.
        !fields.has("drained") || fields.flag("drained"),
        leftovers(fields),
        (int) fields.number("leftovers_total", 0),
        instant(fields, "started_at_ms"),
        duration(fields, "duration_ms"),
        duration(fields, "cpu_ms"),
        fields.flag("oom"));
  }

  // An end that says two things is none that a success can be made of.
  private static void checkStatus(Outcome outcome, @Nullable ExitStatus status)
      throws ProtocolException {
    boolean fits =
        outcome == Outcome.EXITED
            ? status instanceof ExitStatus.Exited
            : outcome == Outcome.SIGNALED
                ? status instanceof ExitStatus.Signaled
                : outcome != Outcome.START_FAILED || status == null;
    if (!fits) {
      throw Fields.wrong("outcome", outcome.wireName(), "the outcome of " + show(status));
    }
  }

  private static String show(@Nullable ExitStatus status) {
    if (status == null) {
      return "neither exit_code nor signal";
    }
    return status instanceof ExitStatus.Exited(int code)
        ? "exit_code " + code
        : "signal " + ((ExitStatus.Signaled) status).signalName();
  }

  private static boolean isUnmeasured(Outcome outcome) {
    return outcome == Outcome.START_FAILED || outcome == Outcome.LOST;
  }

  static ExitStatus exitStatus(Fields fields) throws ProtocolException {
    if (fields.has("signal") && fields.has("exit_code")) {
      throw Fields.wrong("signal", fields.string("signal"), "no exit_code beside it");
    }
    if (!fields.has("signal")) {
      return new ExitStatus.Exited(exitCode(fields));
    }
    String name = fields.string("signal");
    Signal signal = Signal.ofName(name);
    return new ExitStatus.Signaled(signal == null ? realTime(name) : signal.number());
  }

  // A larger one would become another in an exit code of ours, 256 even a success.
  private static int exitCode(Fields fields) throws ProtocolException {
    int code = fields.integer("exit_code");
    if (code > MAX_EXIT_CODE) {
      throw Fields.wrong("exit_code", code, "from 0 to " + MAX_EXIT_CODE);
    }
    return code;
  }

  // Real-time signals have no fixed names: they are numbers.
  private static int realTime(String name) throws ProtocolException {
    try {
      int number = Integer.parseInt(name);
      if (number > 0 && number <= MAX_SIGNAL) {
        return number;
      }
    } catch (NumberFormatException _) {
      // Told below.
    }
    throw Fields.wrong("signal", name, "a name such as TERM, or a number");
  }

  private static Outcome outcome(Fields fields) throws ProtocolException {
    String name = fields.string("outcome");
    for (Outcome outcome : Outcome.values()) {
      if (outcome.wireName().equals(name)) {
        return outcome;
      }
    }
    throw Fields.wrong("outcome", name, "one of version 1");
  }

  private static StartFailure failure(Fields fields) throws ProtocolException {
    String at = fields.string("at");
    for (StartFailure.At step : StartFailure.At.values()) {
      if (step.wireName().equals(at)) {
        return new StartFailure(fields.string("errno"), step, fields.string("message"));
      }
    }
    throw Fields.wrong("at", at, "exec, cwd, limits or user");
  }

  // Of a command that ran to its end they are the proof that nothing is missing.
  private static StreamTotal total(Fields fields, String key, Outcome outcome)
      throws ProtocolException {
    if (isUnmeasured(outcome) && !fields.has(key)) {
      return new StreamTotal(0, 0);
    }
    Fields total = fields.object(key);
    return new StreamTotal(total.number("bytes"), total.number("crc32"));
  }

  private static List<Leftover> leftovers(Fields fields) throws ProtocolException {
    List<Leftover> leftovers = new ArrayList<>();
    for (Object element : fields.list("leftovers")) {
      Fields leftover = Fields.of("leftovers", element);
      leftovers.add(
          new Leftover(
              leftover.integer("pid"), leftover.string("command"), leftover.flag("ended")));
    }
    return leftovers;
  }

  static @Nullable Instant instant(Fields fields, String key) throws ProtocolException {
    Long millis = fields.optionalNumber(key);
    return millis == null ? null : Instant.ofEpochMilli(millis);
  }

  private static @Nullable Duration duration(Fields fields, String key) throws ProtocolException {
    Long millis = fields.optionalNumber(key);
    return millis == null ? null : Duration.ofMillis(millis);
  }
}
