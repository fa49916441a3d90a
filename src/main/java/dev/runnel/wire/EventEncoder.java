package dev.runnel.wire;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.runnel.model.End;
import dev.runnel.model.Event;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.JobId;
import dev.runnel.model.JobStatus;
import dev.runnel.model.Leftover;
import dev.runnel.model.NodeStatus;
import dev.runnel.model.StreamTotal;
import dev.runnel.model.TerminalSize;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Events to the bytes of their frames. PROTOCOL.md, "Answers". */
public final class EventEncoder {
  /** So that the longest list of the longest command lines still leaves a header within bounds. */
  private static final int MAX_LEFTOVERS_BYTES = 49_152;

  private static final int MAX_MESSAGE = 1_024;

  private EventEncoder() {}

  /**
   * A frame without its body: the length and the header.
   *
   * @param id of the request that this answers; null: it had none
   * @param bodyBytes how many bytes follow
   */
  public static byte[] encode(@Nullable String id, Event event, int bodyBytes) {
    return FrameWriter.header(
        type(event),
        id,
        json -> {
          json.writeBooleanField("final", event.isFinal());
          writeKeys(json, event);
        },
        bodyBytes);
  }

  /**
   * The bodies of the {@code jobs} frames that tell of these, at least one, each a JSON array. No
   * leftovers: a long list would take a hundred times the memory.
   */
  public static List<byte[]> encodeStatuses(List<JobStatus> statuses) {
    return arrays(statuses.stream().map(EventEncoder::encodeStatus).iterator());
  }

  /** The same of the {@code nodes} frames that tell of these. */
  public static List<byte[]> encodeNodes(List<NodeStatus> nodes) {
    return arrays(nodes.stream().map(EventEncoder::encodeNode).iterator());
  }

  private static List<byte[]> arrays(Iterator<byte[]> elements) {
    List<byte[]> bodies = new ArrayList<>();
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    while (elements.hasNext()) {
      byte[] element = elements.next();
      // One byte for the comma or the opening bracket, one for the closing one.
      if (body.size() > 0 && body.size() + element.length + 2 > Limits.MAX_BODY_BYTES) {
        bodies.add(closed(body));
      }
      body.write(body.size() == 0 ? '[' : ',');
      body.writeBytes(element);
    }
    if (body.size() == 0) {
      body.write('[');
    }
    bodies.add(closed(body));
    return bodies;
  }

  private static byte[] closed(ByteArrayOutputStream body) {
    body.write(']');
    byte[] bytes = body.toByteArray();
    body.reset();
    return bytes;
  }

  /** One element of such an array. */
  public static byte[] encodeStatus(JobStatus status) {
    return object(json -> writeStatus(json, status));
  }

  private static byte[] encodeNode(NodeStatus node) {
    return object(json -> writeNode(json, node));
  }

  private static byte[] object(FrameWriter.Content content) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (JsonGenerator json = Json.generator(out)) {
      json.writeStartObject();
      content.writeTo(json);
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toByteArray();
  }

  private static void writeNode(JsonGenerator json, NodeStatus node) throws IOException {
    json.writeStringField("node", node.name());
    json.writeStringField("boot", node.boot());
    json.writeStringField("state", node.state().wireName());
    json.writeObjectFieldStart("labels");
    for (Map.Entry<String, String> label : node.labels().entrySet()) {
      json.writeStringField(label.getKey(), label.getValue());
    }
    json.writeEndObject();
    json.writeStringField("version", node.version());
    json.writeNumberField("jobs", node.jobs());
    json.writeNumberField("room", node.room());
    json.writeStringField("address", node.address());
    json.writeNumberField("age_ms", node.ageMillis());
  }

  private static String type(Event event) {
    return switch (event) {
      case Event.Hello _ -> "hello";
      case Event.Started _ -> "started";
      case Event.Output _ -> "output";
      case Event.Gap _ -> "gap";
      case Event.StdinAck _ -> "stdin_ack";
      case Event.StdinClosed _ -> "stdin_closed";
      case Event.Exited _ -> "exited";
      case Event.Resized _ -> "resized";
      case Event.Ended _ -> "end";
      case Event.Detached _ -> "detached";
      case Event.Ok _ -> "ok";
      case Event.Ping _ -> "ping";
      case Event.Pong _ -> "pong";
      case Event.Status _ -> "status";
      case Event.JobsPart _, Event.JobsEnd _ -> "jobs";
      case Event.NodesPart _, Event.NodesEnd _ -> "nodes";
      case Event.Failed _ -> "error";
    };
  }

  private static void writeKeys(JsonGenerator json, Event event) throws IOException {
    switch (event) {
      case Event.Hello hello -> writeHello(json, hello);
      case Event.Started started -> writeStarted(json, started);
      case Event.Output output -> {
        json.writeStringField("job", output.job().value());
        json.writeStringField("stream", output.stream().wireName());
        json.writeNumberField("offset", output.offset());
      }
      case Event.Gap gap -> {
        json.writeStringField("job", gap.job().value());
        json.writeNumberField("from", gap.from());
        json.writeNumberField("to", gap.to());
      }
      case Event.StdinAck ack -> {
        json.writeStringField("job", ack.job().value());
        json.writeNumberField("offset", ack.offset());
        if (ack.eof()) {
          json.writeBooleanField("eof", true);
        }
      }
      case Event.StdinClosed closed -> json.writeStringField("job", closed.job().value());
      case Event.Exited exited -> {
        json.writeStringField("job", exited.job().value());
        writeExitStatus(json, exited.status());
      }
      case Event.Resized(var job, var size) -> {
        json.writeStringField("job", job.value());
        RequestEncoder.writeSize(json, size);
      }
      case Event.Ended ended -> writeEnd(json, ended.end(), ended.gapBytes());
      case Event.Detached(var reason) -> json.writeStringField("reason", reason.wireName());
      case Event.Ok ok -> json.writeStringField("state", ok.state().wireName());
      case Event.Status(JobStatus status) -> {
        writeStatus(json, status);
        if (status.end() != null) {
          writeLeftovers(json, status.end());
        }
      }
      case Event.Failed failed -> writeFailed(json, failed);
      case Event.JobsEnd(List<String> missing) -> {
        if (!missing.isEmpty()) {
          json.writeArrayFieldStart("missing");
          for (String node : missing) {
            json.writeString(wellFormed(node));
          }
          json.writeEndArray();
        }
      }
      case Event.JobsPart(var watched) -> writeWatched(json, watched);
      case Event.Ping _, Event.Pong _ -> {}
      case Event.NodesPart _, Event.NodesEnd _ -> {}
    }
  }

  private static void writeWatched(JsonGenerator json, Event.JobsPart.Watched watched)
      throws IOException {
    if (!watched.gone().isEmpty()) {
      json.writeArrayFieldStart("gone");
      for (JobId job : watched.gone()) {
        json.writeString(job.value());
      }
      json.writeEndArray();
    }
    if (watched.reset()) {
      json.writeBooleanField("reset", true);
    }
    if (watched.listed()) {
      json.writeBooleanField("listed", true);
    }
  }

  private static void writeHello(JsonGenerator json, Event.Hello hello) throws IOException {
    json.writeNumberField("version", hello.version());
    json.writeStringField("software", hello.software());
    json.writeStringField("node", hello.node());
    json.writeStringField("boot", hello.boot());
    json.writeNumberField("max_header", hello.maxHeader());
    json.writeNumberField("max_body", hello.maxBody());
    json.writeNumberField("max_requests", hello.maxRequests());
    json.writeNumberField("max_connection_jobs", hello.maxConnectionJobs());
    json.writeArrayFieldStart("features");
    for (String feature : hello.features()) {
      json.writeString(feature);
    }
    json.writeEndArray();
  }

  private static void writeStarted(JsonGenerator json, Event.Started started) throws IOException {
    json.writeStringField("job", started.job().value());
    json.writeStringField("node", started.node());
    json.writeStringField("boot", started.boot());
    json.writeNumberField("pid", started.pid());
    json.writeStringField("state", started.state().wireName());
    if (started.stdinWindow() != null) {
      json.writeNumberField("stdin_window", started.stdinWindow());
    }
    if (started.existing()) {
      json.writeBooleanField("existing", true);
    }
    json.writeNumberField("next", started.next());
    writeRoom(json, started.retainBytes(), started.terminalSize());
    RequestEncoder.writeTrace(json, started.trace());
  }

  private static void writeRoom(
      JsonGenerator json, @Nullable Long retainBytes, @Nullable TerminalSize size)
      throws IOException {
    if (retainBytes != null) {
      json.writeNumberField("retain", retainBytes);
    }
    if (size != null) {
      json.writeObjectFieldStart("pty");
      RequestEncoder.writeSize(json, size);
      json.writeEndObject();
    }
  }

  private static void writeExitStatus(JsonGenerator json, ExitStatus status) throws IOException {
    switch (status) {
      case ExitStatus.Exited(int code) -> json.writeNumberField("exit_code", code);
      case ExitStatus.Signaled signaled -> json.writeStringField("signal", signaled.signalName());
    }
  }

  private static void writeEnd(JsonGenerator json, End end, long gapBytes) throws IOException {
    json.writeStringField("job", end.job().value());
    writeEndKeys(json, end);
    writeLeftovers(json, end);
    json.writeNumberField("gap_bytes", gapBytes);
    if (end.startedAt() != null) {
      json.writeNumberField("started_at_ms", end.startedAt().toEpochMilli());
    }
  }

  private static void writeEndKeys(JsonGenerator json, End end) throws IOException {
    json.writeStringField("outcome", end.outcome().wireName());
    if (end.status() != null) {
      writeExitStatus(json, end.status());
    }
    if (end.failure() != null) {
      json.writeStringField("errno", end.failure().errno());
      json.writeStringField("at", end.failure().at().wireName());
      json.writeStringField("message", message(end.failure().message()));
    }
    writeTotal(json, "stdout", end.stdout());
    writeTotal(json, "stderr", end.stderr());
    if (end.outputBytes() >= 0) {
      json.writeNumberField("output_bytes", end.outputBytes());
    }
    json.writeBooleanField("drained", end.drained());
    if (end.duration() != null) {
      json.writeNumberField("duration_ms", end.duration().toMillis());
    }
    if (end.cpu() != null) {
      json.writeNumberField("cpu_ms", end.cpu().toMillis());
    }
    if (end.oom()) {
      json.writeBooleanField("oom", true);
    }
    json.writeNumberField("leftovers_total", end.leftoversTotal());
  }

  private static void writeLeftovers(JsonGenerator json, End end) throws IOException {
    json.writeArrayFieldStart("leftovers");
    int room = MAX_LEFTOVERS_BYTES;
    for (Leftover leftover : end.leftovers()) {
      String command = wellFormed(leftover.command());
      room -= Json.length(command);
      if (room < 0) {
        break;
      }
      json.writeStartObject();
      json.writeNumberField("pid", leftover.pid());
      json.writeStringField("command", command);
      json.writeBooleanField("ended", leftover.ended());
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  private static void writeTotal(JsonGenerator json, String key, StreamTotal total)
      throws IOException {
    if (total.bytes() < 0) {
      return;
    }
    json.writeObjectFieldStart(key);
    json.writeNumberField("bytes", total.bytes());
    json.writeNumberField("crc32", total.crc32());
    json.writeEndObject();
  }

  private static void writeStatus(JsonGenerator json, JobStatus status) throws IOException {
    json.writeStringField("job", status.job().value());
    json.writeStringField("state", status.state().wireName());
    json.writeStringField("principal", wellFormed(status.principal()));
    json.writeStringField("command", wellFormed(status.command()));
    RequestEncoder.writeLabels(json, status.labels());
    if (status.pid() != null) {
      json.writeNumberField("pid", status.pid());
    }
    if (status.end() == null) {
      json.writeNumberField("output_bytes", status.outputBytes());
    }
    json.writeNumberField("followers", status.followers());
    writeRoom(json, status.retainBytes(), status.terminalSize());
    if (status.startedAt() != null) {
      json.writeNumberField("started_at_ms", status.startedAt().toEpochMilli());
    }
    if (status.end() != null) {
      writeEndKeys(json, status.end());
    }
  }

  private static void writeFailed(JsonGenerator json, Event.Failed failed) throws IOException {
    json.writeStringField("code", failed.code().wireName());
    json.writeStringField("message", message(failed.message()));
    if (failed.job() != null) {
      json.writeStringField("job", failed.job().value());
    }
    if (failed.retryAfterMillis() != null) {
      json.writeNumberField("retry_after_ms", failed.retryAfterMillis());
    }
    if (failed.closes()) {
      json.writeBooleanField("close", true);
    }
  }

  private static String message(String text) {
    return wellFormed(text.length() <= MAX_MESSAGE ? text : text.substring(0, MAX_MESSAGE) + "…");
  }

  // A message may quote what a peer sent, half a surrogate pair included, which UTF-8 can't hold.
  private static String wellFormed(String text) {
    if (!Json.isIllFormed(text)) {
      return text;
    }
    StringBuilder mended = new StringBuilder(text.length());
    text.codePoints()
        .map(c -> c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE ? 0xFFFD : c)
        .forEach(mended::appendCodePoint);
    return mended.toString();
  }
}
