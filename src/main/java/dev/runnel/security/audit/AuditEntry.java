package dev.runnel.security.audit;

import dev.runnel.model.Argument;
import dev.runnel.model.Caller;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.End;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.JobId;
import dev.runnel.model.SafeText;
import dev.runnel.model.SystemText;
import dev.runnel.model.TraceContext;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * One line of an audit. No values of the environment, and arguments apart from the rest, so that
 * they can be left out. SECURITY.md, "The audit".
 *
 * @param argv of a start; empty: it is about something else
 */
public record AuditEntry(JsonObject what, List<Argument> argv) {
  /** By what a start was allowed, and where its output is recorded; null: by none, nowhere. */
  public record Terms(@Nullable String rule, @Nullable String recording) {
    public static final Terms NONE = new Terms(null, null);
  }

  /**
   * How a recording turned out.
   *
   * @param missingBytes of the output
   * @param stopped why it does not go on to the end; null: it does
   */
  public record Recording(String name, long missingBytes, @Nullable String stopped) {}

  /** A command is about to be started. */
  public static AuditEntry start(Caller caller, JobId job, Terms terms, CommandSpec command) {
    JsonObject what = of("start", caller).put("job", job.value());
    putIfThere(what, "rule", terms.rule());
    putIfThere(what, "recording", terms.recording());
    putIfThere(what, "cwd", command.cwd());
    putIfThere(what, "user", command.user());
    return new AuditEntry(what.put("argv_sha256", digest(command.argv())), command.argv());
  }

  /** A request was refused; the reason has nothing of the command's arguments in it. */
  public static AuditEntry denied(
      Caller caller, String verb, @Nullable JobId job, ErrorCode code, String why) {
    JsonObject what = of("denied", caller).put("verb", verb);
    putIfThere(what, "job", job == null ? null : job.value());
    return new AuditEntry(
        what.put("code", code.wireName()).put("why", SystemText.shown(why)), List.of());
  }

  /** Somebody was not let in; the reason has nothing of what it said in it. */
  public static AuditEntry unauthenticated(String source, Caller.Via via, String why) {
    JsonObject what = of("unauthenticated").put("source", source);
    return new AuditEntry(putVia(what, via).put("why", SystemText.shown(why)), List.of());
  }

  /**
   * Somebody was let in.
   *
   * @param credential by what
   */
  public static AuditEntry login(Caller caller, String credential) {
    return new AuditEntry(of("login", caller).put("credential", credential), List.of());
  }

  /** What let somebody in was taken back, and the connection ended. */
  public static AuditEntry revoked(Caller caller, String credential) {
    return new AuditEntry(of("revoked", caller).put("credential", credential), List.of());
  }

  /** A connection ended that had not been asked to, with requests under way. */
  public static AuditEntry lost(Caller caller, String reason) {
    return new AuditEntry(of("lost", caller).put("reason", reason), List.of());
  }

  /** Entries were left out, since there were too many of their kind. */
  static AuditEntry leftOut(long count) {
    return new AuditEntry(of("left_out").put("count", count), List.of());
  }

  /** Somebody did something to a job that runs. */
  public static AuditEntry act(Caller caller, String verb, JobId job, String detail) {
    JsonObject what = of(verb, caller).put("job", job.value());
    putIfThere(what, "detail", detail.isEmpty() ? null : detail);
    return new AuditEntry(what, List.of());
  }

  /** A job ended. */
  public static AuditEntry end(Caller caller, End end) {
    JsonObject what = of("end", caller).put("job", end.job().value());
    what.put("outcome", end.outcome().wireName());
    if (end.status() instanceof ExitStatus.Exited(int code)) {
      what.put("exit_code", code);
    } else if (end.status() instanceof ExitStatus.Signaled signaled) {
      what.put("signal", signaled.signalName());
    }
    what.put("output_bytes", end.outputBytes());
    if (end.duration() != null) {
      what.put("duration_ms", end.duration().toMillis());
    }
    return new AuditEntry(what, List.of());
  }

  /** A recording is finished. */
  public static AuditEntry recorded(Caller caller, JobId job, Recording recording) {
    JsonObject what = of("recorded", caller).put("job", job.value());
    what.put("recording", recording.name()).put("missing_bytes", recording.missingBytes());
    putIfThere(what, "stopped", recording.stopped());
    return new AuditEntry(what, List.of());
  }

  /** A job that was to be started was not, and no process of it ever was. */
  public static AuditEntry refused(Caller caller, JobId job, ErrorCode code) {
    return new AuditEntry(
        of("end", caller)
            .put("job", job.value())
            .put("outcome", "refused")
            .put("code", code.wireName()),
        List.of());
  }

  /** The same, about a job that is a part of that. */
  public AuditEntry of(@Nullable TraceContext trace) {
    return trace == null ? this : new AuditEntry(what.copy().put("trace", trace.traceId()), argv);
  }

  private static JsonObject of(String event, Caller caller) {
    JsonObject what = of(event).put("principal", caller.principal()).put("source", caller.source());
    putIfThere(what, "door", caller.door());
    return putVia(what, caller.via());
  }

  private static JsonObject of(String event) {
    return new JsonObject().put("at", Instant.now().toString()).put("event", event);
  }

  private static JsonObject putVia(JsonObject what, Caller.Via via) {
    return what.put("via", via.name().toLowerCase(Locale.ROOT));
  }

  private static void putIfThere(JsonObject what, String key, @Nullable String value) {
    if (value != null) {
      what.put(key, SystemText.shown(value));
    }
  }

  /** Of all arguments, each with a NUL after it, in hexadecimal digits. */
  private static String digest(List<Argument> argv) {
    try {
      MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
      for (Argument argument : argv) {
        sha256.update(argument.bytes());
        sha256.update((byte) 0);
      }
      return HexFormat.of().formatHex(sha256.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  /** Whether it says how something ended: that alone can't be refused any more. */
  boolean isEnd() {
    return "end".equals(what.getString("event"));
  }

  /** As JSON text without a line break. */
  String line() {
    return SafeText.json(what.encode());
  }

  String lineWithArguments() {
    JsonArray arguments = new JsonArray();
    argv.forEach(argument -> arguments.add(argument.toString()));
    return argv.isEmpty() ? line() : SafeText.json(what.copy().put("argv", arguments).encode());
  }
}
