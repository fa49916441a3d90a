package dev.runnel.wire;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.runnel.model.Argument;
import dev.runnel.model.Caller;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.JobId;
import dev.runnel.model.JobSpec;
import dev.runnel.model.Labels;
import dev.runnel.model.Placement;
import dev.runnel.model.Request;
import dev.runnel.model.ResourceLimits;
import dev.runnel.model.Retention;
import dev.runnel.model.Role;
import dev.runnel.model.Signal;
import dev.runnel.model.SystemText;
import dev.runnel.model.TerminalMode;
import dev.runnel.model.TerminalModes;
import dev.runnel.model.TerminalSize;
import dev.runnel.model.TraceContext;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * Requests to the bytes of their frames, body included. What has its default is left out.
 * PROTOCOL.md, "Requests".
 */
public final class RequestEncoder {
  private RequestEncoder() {}

  /**
   * A whole frame.
   *
   * @param id the request's name; null: it has none, as notices never have
   * @throws IllegalArgumentException if the command does not fit a frame; the message names the
   *     limit
   */
  public static byte[] encode(@Nullable String id, Request request) {
    if (request instanceof Request.Run run) {
      return run(id, run);
    }
    if (request instanceof Request.Stdin(JobId job, long offset, byte[] bytes, boolean eof)) {
      return join(stdin(job, offset, bytes.length, eof), bytes);
    }
    if (request instanceof Request.Ack ack) {
      return header("ack", null, json -> writeAck(json, ack));
    }
    if (request instanceof Request.Attach attach) {
      return header("attach", id, json -> writeAttach(json, attach));
    }
    if (request instanceof Request.Detach detach) {
      return header("detach", id, json -> writeDetach(json, detach));
    }
    if (request instanceof Request.Hello hello) {
      return header("hello", id, json -> writeHello(json, hello));
    }
    return aboutJobs(id, request);
  }

  // Not a pattern switch, here and above: it costs every start of the command line milliseconds.
  private static byte[] aboutJobs(@Nullable String id, Request request) {
    if (request instanceof Request.SendSignal(JobId job, Signal signal)) {
      return header(
          "signal",
          id,
          json -> {
            json.writeStringField("job", job.value());
            json.writeStringField("signal", signal.name());
          });
    }
    if (request instanceof Request.Cancel cancel) {
      return header(
          "cancel",
          id,
          json -> {
            json.writeStringField("job", cancel.job().value());
            if (cancel.grace() != null) {
              json.writeNumberField("grace_ms", cancel.grace().toMillis());
            }
          });
    }
    if (request instanceof Request.Resize resize) {
      return header("resize", id, json -> writeResize(json, resize));
    }
    if (request instanceof Request.Forget(JobId job)) {
      return header("forget", id, json -> json.writeStringField("job", job.value()));
    }
    if (request instanceof Request.Status(JobId job)) {
      return header("status", id, json -> json.writeStringField("job", job.value()));
    }
    if (request instanceof Request.Jobs jobs) {
      return header("jobs", id, json -> writeJobs(json, jobs));
    }
    if (request instanceof Request.Pong) {
      return header("pong", null, _ -> {});
    }
    if (request instanceof Request.Nodes) {
      return header("nodes", id, _ -> {});
    }
    if (request instanceof Request.Ping) {
      return header("ping", id, _ -> {});
    }
    throw new IllegalArgumentException("request: " + request);
  }

  /** A stdin frame without its body, of so many bytes, which the caller sends after it. */
  public static byte[] stdinHeader(JobId job, long offset, int bodyBytes) {
    return stdin(job, offset, bodyBytes, false);
  }

  private static byte[] stdin(JobId job, long offset, int bodyBytes, boolean eof) {
    return FrameWriter.header(
        "stdin",
        null,
        json -> {
          json.writeStringField("job", job.value());
          json.writeNumberField("offset", offset);
          if (eof) {
            json.writeBooleanField("eof", true);
          }
        },
        bodyBytes);
  }

  private static void writeHello(JsonGenerator json, Request.Hello hello) throws IOException {
    json.writeNumberField("version", hello.version());
    if (hello.token() != null) {
      json.writeStringField("token", hello.token());
    }
    writeMillis(json, "heartbeat_ms", hello.heartbeat(), null);
    Caller of = hello.onBehalf();
    if (of != null) {
      json.writeObjectFieldStart("for");
      json.writeStringField("principal", of.principal());
      json.writeStringField("source", of.source());
      json.writeStringField("via", of.via().name().toLowerCase(Locale.ROOT));
      if (of.door() != null) {
        json.writeStringField("door", of.door());
      }
      json.writeEndObject();
    }
  }

  private static void writeAck(JsonGenerator json, Request.Ack ack) throws IOException {
    writeFollow(json, ack.follow());
    json.writeNumberField("offset", ack.offset());
  }

  private static void writeDetach(JsonGenerator json, Request.Detach detach) throws IOException {
    writeFollow(json, detach.follow());
    if (detach.linger() == Request.Detach.Linger.LIMITED) {
      json.writeBooleanField("linger", true);
    }
  }

  private static void writeFollow(JsonGenerator json, @Nullable String follow) throws IOException {
    if (follow != null) {
      json.writeStringField("follow", follow);
    }
  }

  private static void writeAttach(JsonGenerator json, Request.Attach attach) throws IOException {
    json.writeStringField("job", attach.job().value());
    if (attach.boot() != null) {
      json.writeStringField("boot", attach.boot());
    }
    if (attach.from().isEmpty()) {
      json.writeStringField("from", "end");
    } else if (attach.from().getAsLong() != 0) {
      json.writeNumberField("from", attach.from().getAsLong());
    }
    if (attach.window().isPresent()) {
      json.writeNumberField("window", attach.window().getAsLong());
    }
    if (attach.role() == Role.RUNNER) {
      json.writeBooleanField("runner", true);
    }
  }

  private static void writeResize(JsonGenerator json, Request.Resize resize) throws IOException {
    json.writeStringField("job", resize.job().value());
    writeSize(json, resize.size());
  }

  static void writeSize(JsonGenerator json, TerminalSize size) throws IOException {
    json.writeNumberField("rows", size.rows());
    json.writeNumberField("cols", size.cols());
  }

  private static void writeJobs(JsonGenerator json, Request.Jobs jobs) throws IOException {
    if (jobs.prefix() != null) {
      json.writeStringField("prefix", jobs.prefix());
    }
    if (jobs.state() != null) {
      json.writeStringField("state", jobs.state().wireName());
    }
    writeLabels(json, jobs.labels());
    if (jobs.limit() != Request.Jobs.MAX_LIMIT) {
      json.writeNumberField("limit", jobs.limit());
    }
    if (jobs.after() != null) {
      json.writeStringField("after", jobs.after().value());
    }
    if (jobs.watch()) {
      json.writeBooleanField("watch", true);
    }
  }

  private static byte[] run(@Nullable String id, Request.Run run) {
    List<Argument> argv = run.spec().command().argv();
    Map<String, String> secrets = run.spec().command().secrets().values();
    if (!secrets.isEmpty()) {
      return runWithSecrets(id, run, secrets);
    }
    if (isShellLine(argv)) {
      return runWithBody(id, run, _ -> {}, argv.get(2).bytes());
    }
    if (isText(argv)) {
      try {
        return FrameWriter.header(null, id, json -> writeRun(json, run, inHeader(argv)), 0);
      } catch (IllegalArgumentException _) {
        // More than a header holds; a body holds twice as much.
      }
    }
    FrameWriter.Content inBody = json -> json.writeBooleanField("argv_body", true);
    return runWithBody(id, run, inBody, terminated(argv));
  }

  private static byte[] runWithSecrets(
      @Nullable String id, Request.Run run, Map<String, String> secrets) {
    List<Argument> argv = run.spec().command().argv();
    List<Argument> entries = new ArrayList<>();
    secrets.forEach(
        (name, value) -> entries.add(Argument.of(SystemText.bytes(name + "=" + value))));
    FrameWriter.Content what =
        json -> {
          inHeader(argv).writeTo(json);
          json.writeBooleanField("env_body", true);
        };
    return runWithBody(id, run, what, terminated(entries));
  }

  private static byte[] runWithBody(
      @Nullable String id, Request.Run run, FrameWriter.Content what, byte[] body) {
    if (body.length > Limits.MAX_BODY_BYTES) {
      throw new IllegalArgumentException(
          "command: " + body.length + " bytes (limit: " + Limits.MAX_BODY_BYTES + ")");
    }
    byte[] header = FrameWriter.header(null, id, json -> writeRun(json, run, what), body.length);
    return join(header, body);
  }

  // The server makes the same three arguments of a shell line; an empty one it takes for none.
  private static boolean isShellLine(List<Argument> argv) {
    return argv.size() == 3
        && argv.get(2).length() > 0
        && argv.equals(CommandSpec.shellArgv(argv.get(2)));
  }

  /** Whether JSON can hold the arguments. */
  private static boolean isText(List<Argument> argv) {
    for (Argument argument : argv) {
      if (!argument.equals(Argument.of(argument.toString()))) {
        return false;
      }
    }
    return true;
  }

  private static FrameWriter.Content inHeader(List<Argument> argv) {
    boolean text = isText(argv);
    List<String> strings = new ArrayList<>();
    for (Argument argument : argv) {
      strings.add(text ? argument.toString() : base64(argument.bytes()));
    }
    return json -> writeStrings(json, text ? "argv" : "argv_b64", strings);
  }

  private static byte[] terminated(List<Argument> argv) {
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    for (Argument argument : argv) {
      body.writeBytes(argument.bytes());
      body.write(0);
    }
    return body.toByteArray();
  }

  private static void writePlacement(JsonGenerator json, Placement placement) throws IOException {
    if (placement.node() != null) {
      json.writeStringField("node", placement.node());
    }
    if (!placement.where().isEmpty()) {
      json.writeObjectFieldStart("where");
      for (Map.Entry<String, String> label : placement.where().entrySet()) {
        json.writeStringField(label.getKey(), label.getValue());
      }
      json.writeEndObject();
    }
  }

  private static void writeRun(JsonGenerator json, Request.Run run, FrameWriter.Content what)
      throws IOException {
    what.writeTo(json);
    writeCommand(json, run.spec().command());
    if (run.job() != null) {
      json.writeStringField("job", run.job().value());
    }
    if (run.once() != null) {
      json.writeStringField("once", run.once());
    }
    if (run.boot() != null) {
      json.writeStringField("boot", run.boot());
    }
    writePlacement(json, run.placement());
    writeTimes(json, run.spec());
    if (run.spec().window().isPresent()) {
      json.writeNumberField("window", run.spec().window().getAsLong());
    }
    if (run.spec().retainBytes() != JobSpec.DEFAULT_RETAIN_BYTES) {
      json.writeNumberField("retain", run.spec().retainBytes());
    }
    writeOnFull(json, run.spec().lasting());
    if (run.spec().leftovers() == JobSpec.Leftovers.KEEP) {
      json.writeStringField("leftovers", "keep");
    }
    writeLabels(json, run.spec().labels());
    writeTrace(json, run.spec().trace());
  }

  static void writeTrace(JsonGenerator json, @Nullable TraceContext trace) throws IOException {
    if (trace != null) {
      json.writeStringField("trace", trace.value());
    }
  }

  static void writeLabels(JsonGenerator json, Labels labels) throws IOException {
    if (labels.isEmpty()) {
      return;
    }
    json.writeObjectFieldStart("labels");
    for (Map.Entry<String, String> label : labels.values().entrySet()) {
      json.writeStringField(label.getKey(), label.getValue());
    }
    json.writeEndObject();
  }

  private static void writeCommand(JsonGenerator json, CommandSpec command) throws IOException {
    if (command.cwd() != null && SystemText.isText(command.cwd())) {
      json.writeStringField("cwd", command.cwd());
    } else if (command.cwd() != null) {
      json.writeStringField("cwd_b64", base64(SystemText.bytes(command.cwd())));
    }
    writeEnvironment(json, command.env());
    if (!command.secrets().fromServer().isEmpty()) {
      json.writeArrayFieldStart("env_from");
      for (String name : command.secrets().fromServer()) {
        json.writeString(name);
      }
      json.writeEndArray();
    }
    // On a terminal they always are.
    if (command.stderr() == CommandSpec.Stderr.MERGED && command.terminal() == null) {
      json.writeBooleanField("merge", true);
    }
    if (command.stdin() == CommandSpec.Stdin.PIPE) {
      json.writeBooleanField("stdin", true);
    }
    if (command.terminal() != null) {
      json.writeObjectFieldStart("pty");
      writeSize(json, command.terminal().size());
      json.writeStringField("term", command.terminal().term());
      writeModes(json, command.terminal().modes());
      json.writeEndObject();
    }
    if (!command.limits().isEmpty()) {
      writeLimits(json, command.limits());
    }
    if (command.user() != null) {
      json.writeStringField("user", command.user());
    }
  }

  /** What is no text goes by itself. */
  private static void writeEnvironment(JsonGenerator json, Map<String, @Nullable String> env)
      throws IOException {
    Map<String, @Nullable String> text = new LinkedHashMap<>();
    List<String> raw = new ArrayList<>();
    env.forEach(
        (name, value) -> {
          String entry = value == null ? name : name + "=" + value;
          if (SystemText.isText(entry)) {
            text.put(name, value);
          } else {
            raw.add(base64(SystemText.bytes(entry)));
          }
        });
    if (!text.isEmpty()) {
      json.writeObjectFieldStart("env");
      for (Map.Entry<String, @Nullable String> entry : text.entrySet()) {
        json.writeStringField(entry.getKey(), entry.getValue());
      }
      json.writeEndObject();
    }
    if (!raw.isEmpty()) {
      writeStrings(json, "env_b64", raw);
    }
  }

  private static void writeStrings(JsonGenerator json, String key, List<String> strings)
      throws IOException {
    json.writeArrayFieldStart(key);
    for (String string : strings) {
      json.writeString(string);
    }
    json.writeEndArray();
  }

  private static String base64(byte[] bytes) {
    return Base64.getEncoder().encodeToString(bytes);
  }

  private static void writeModes(JsonGenerator json, TerminalModes modes) throws IOException {
    if (modes.values().isEmpty()) {
      return;
    }
    json.writeObjectFieldStart("modes");
    for (Map.Entry<TerminalMode, Integer> entry : modes.values().entrySet()) {
      if (entry.getKey().isFlag()) {
        json.writeBooleanField(entry.getKey().wireName(), entry.getValue() != 0);
      } else {
        json.writeNumberField(entry.getKey().wireName(), entry.getValue());
      }
    }
    json.writeEndObject();
  }

  private static void writeLimits(JsonGenerator json, ResourceLimits limits) throws IOException {
    json.writeObjectFieldStart("limits");
    writeLimit(json, "cpu_s", limits.cpuSeconds());
    writeLimit(json, "memory_bytes", limits.memoryBytes());
    writeLimit(json, "open_files", limits.openFiles());
    writeLimit(json, "file_bytes", limits.fileBytes());
    json.writeEndObject();
  }

  private static void writeLimit(JsonGenerator json, String key, OptionalLong limit)
      throws IOException {
    if (limit.isPresent()) {
      json.writeNumberField(key, limit.getAsLong());
    }
  }

  private static void writeTimes(JsonGenerator json, JobSpec spec) throws IOException {
    writeMillis(json, "timeout_ms", spec.timeout(), null);
    writeMillis(json, "grace_ms", spec.grace(), JobSpec.DEFAULT_GRACE);
    writeMillis(json, "drain_ms", spec.drain(), JobSpec.DEFAULT_DRAIN);
    writeMillis(json, "drain_max_ms", spec.drainMax(), JobSpec.DEFAULT_DRAIN_MAX);
    if (spec.lasting().lingersForever()) {
      json.writeStringField("linger_ms", "forever");
    } else {
      writeMillis(json, "linger_ms", spec.lasting().linger(), Duration.ZERO);
    }
    writeMillis(json, "keep_ms", spec.lasting().keep(), null);
  }

  private static void writeOnFull(JsonGenerator json, Retention lasting) throws IOException {
    if (lasting.onFull() != Retention.OnFull.BLOCK) {
      json.writeStringField("on_full", lasting.onFull().wireName());
    }
    if (lasting.spoolBytes().isPresent()) {
      json.writeNumberField("spool_bytes", lasting.spoolBytes().getAsLong());
    }
  }

  private static void writeMillis(
      JsonGenerator json, String key, @Nullable Duration value, @Nullable Duration usual)
      throws IOException {
    if (value != null && !value.equals(usual)) {
      json.writeNumberField(key, value.toMillis());
    }
  }

  private static byte[] header(String type, @Nullable String id, FrameWriter.Content content) {
    return FrameWriter.header(type, id, content, 0);
  }

  private static byte[] join(byte[] header, byte[] body) {
    byte[] frame = Arrays.copyOf(header, header.length + body.length);
    System.arraycopy(body, 0, frame, header.length, body.length);
    return frame;
  }
}
