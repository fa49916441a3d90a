package dev.runnel.wire;

import dev.runnel.model.ErrorCode;
import dev.runnel.model.Event;
import dev.runnel.model.JobId;
import dev.runnel.model.JobState;
import dev.runnel.model.JobStatus;
import dev.runnel.model.Labels;
import dev.runnel.model.NodeStatus;
import dev.runnel.model.Stream;
import dev.runnel.model.TerminalSize;
import dev.runnel.model.TraceContext;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Headers to the events they mean. Lenient towards later servers: unknown keys, and unknown frames
 * that are not the last of an answer, are passed over. PROTOCOL.md, "Answers".
 */
public final class EventDecoder {
  /** Of a server that does not say how much may be in flight on a connection. */
  private static final int DEFAULT_IN_FLIGHT = 256;

  private EventDecoder() {}

  /**
   * @return null: a frame that this client does not know, and may ignore
   * @throws ProtocolException if the peer does not speak the protocol
   */
  public static @Nullable Event decode(Header header) throws ProtocolException {
    Fields fields = Fields.of(header);
    Event event = decode(fields, fields.string("type"));
    // Of a final answer nothing comes after it; whatever else is so marked was meant otherwise.
    if (event != null && event.isFinal() != fields.flag("final")) {
      throw Fields.wrong("final", fields.flag("final"), event.isFinal() + " for this type");
    }
    return event;
  }

  private static @Nullable Event decode(Fields fields, String type) throws ProtocolException {
    return switch (type) {
      case "hello" -> hello(fields);
      case "started" -> started(fields);
      case "output" -> new Event.Output(fields.job(), stream(fields), fields.number("offset"));
      case "gap" -> new Event.Gap(fields.job(), fields.number("from"), fields.number("to"));
      case "stdin_ack" ->
          new Event.StdinAck(fields.job(), fields.number("offset"), fields.flag("eof"));
      case "stdin_closed" -> new Event.StdinClosed(fields.job());
      case "resized" -> new Event.Resized(fields.job(), size(fields));
      case "exited" -> new Event.Exited(fields.job(), EndDecoder.exitStatus(fields));
      case "end" -> new Event.Ended(EndDecoder.decode(fields), fields.number("gap_bytes", 0));
      case "detached" -> new Event.Detached(reason(fields));
      case "ok" -> new Event.Ok(state(fields));
      case "ping" -> new Event.Ping();
      case "pong" -> new Event.Pong();
      case "status" -> new Event.Status(status(fields));
      case "jobs" -> fields.flag("final") ? jobsEnd(fields) : watched(fields);
      case "nodes" -> fields.flag("final") ? new Event.NodesEnd() : new Event.NodesPart();
      case "error" -> failed(fields);
      default -> {
        if (fields.flag("final")) {
          throw Fields.wrong("type", type, "a final frame of version 1");
        }
        yield null;
      }
    };
  }

  /** The body of a {@code jobs} frame: a JSON array of statuses. */
  public static List<JobStatus> decodeStatuses(byte[] body) throws ProtocolException {
    List<JobStatus> statuses = new ArrayList<>();
    for (Object element : array("jobs", body)) {
      statuses.add(status(Fields.of("jobs", element)));
    }
    return statuses;
  }

  /** The body of a {@code nodes} frame: a JSON array of nodes. */
  public static List<NodeStatus> decodeNodes(byte[] body) throws ProtocolException {
    List<NodeStatus> nodes = new ArrayList<>();
    for (Object element : array("nodes", body)) {
      nodes.add(node(Fields.of("nodes", element)));
    }
    return nodes;
  }

  private static List<?> array(String key, byte[] body) throws ProtocolException {
    ByteArrayOutputStream object = new ByteArrayOutputStream(body.length + 16);
    object.writeBytes(("{\"" + key + "\":").getBytes(StandardCharsets.UTF_8));
    object.writeBytes(body);
    object.write('}');
    return Fields.of("body", Json.parseObject(object.toByteArray())).list(key);
  }

  private static NodeStatus node(Fields fields) throws ProtocolException {
    Map<String, String> labels = new TreeMap<>();
    if (fields.value("labels") instanceof Map<?, ?> entries) {
      entries.forEach((name, value) -> labels.put(String.valueOf(name), String.valueOf(value)));
    }
    return new NodeStatus(
        fields.string("node"),
        fields.string("boot"),
        nodeState(fields),
        labels,
        fields.string("version"),
        fields.integer("jobs"),
        fields.integer("room"),
        fields.string("address"),
        fields.number("age_ms"));
  }

  private static NodeStatus.State nodeState(Fields fields) throws ProtocolException {
    String name = fields.string("state");
    for (NodeStatus.State state : NodeStatus.State.values()) {
      if (state.wireName().equals(name)) {
        return state;
      }
    }
    throw Fields.wrong("state", name, "joining, ready, draining or lost");
  }

  private static Event jobsEnd(Fields fields) throws ProtocolException {
    List<String> missing = new ArrayList<>();
    for (Object node : fields.list("missing")) {
      missing.add(String.valueOf(node));
    }
    return new Event.JobsEnd(missing);
  }

  private static Event watched(Fields fields) throws ProtocolException {
    List<JobId> gone = new ArrayList<>();
    for (Object name : fields.list("gone")) {
      if (!(name instanceof String text) || !JobId.isValid(text)) {
        throw Fields.wrong("gone", name, JobId.PATTERN);
      }
      gone.add(new JobId(text));
    }
    return new Event.JobsPart(
        new Event.JobsPart.Watched(gone, fields.flag("reset"), fields.flag("listed")));
  }

  private static Event hello(Fields fields) throws ProtocolException {
    List<String> features = new ArrayList<>();
    for (Object feature : fields.list("features")) {
      features.add(feature.toString());
    }
    return new Event.Hello(
        fields.integer("version"),
        fields.string("software"),
        fields.string("node"),
        fields.string("boot"),
        fields.integer("max_header"),
        fields.integer("max_body"),
        limit(fields, "max_requests"),
        limit(fields, "max_connection_jobs"),
        features);
  }

  private static int limit(Fields fields, String key) throws ProtocolException {
    Integer limit = fields.optionalInt(key);
    return limit == null ? DEFAULT_IN_FLIGHT : limit;
  }

  private static Event started(Fields fields) throws ProtocolException {
    return new Event.Started(
        fields.job(),
        fields.string("node"),
        fields.string("boot"),
        fields.integer("pid"),
        state(fields),
        fields.optionalInt("stdin_window"),
        fields.flag("existing"),
        fields.number("next"),
        fields.optionalNumber("retain"),
        terminalSize(fields),
        trace(fields));
  }

  private static @Nullable TraceContext trace(Fields fields) throws ProtocolException {
    String value = fields.optionalString("trace");
    if (value != null && !TraceContext.isOne(value)) {
      throw Fields.wrong("trace", value, "a traceparent");
    }
    return value == null ? null : new TraceContext(value);
  }

  private static Stream stream(Fields fields) throws ProtocolException {
    String name = fields.string("stream");
    Stream stream = Stream.ofWireName(name);
    if (stream == null) {
      throw Fields.wrong("stream", name, "stdout or stderr");
    }
    return stream;
  }

  private static JobStatus status(Fields fields) throws ProtocolException {
    return new JobStatus(
        fields.job(),
        state(fields),
        fields.string("principal"),
        fields.string("command"),
        new Labels(fields.texts("labels")),
        fields.optionalInt("pid"),
        fields.number("output_bytes"),
        fields.integer("followers"),
        fields.optionalNumber("retain"),
        terminalSize(fields),
        EndDecoder.instant(fields, "started_at_ms"),
        fields.has("outcome") ? EndDecoder.decode(fields) : null);
  }

  private static @Nullable TerminalSize terminalSize(Fields fields) throws ProtocolException {
    return fields.has("pty") ? size(fields.object("pty")) : null;
  }

  private static TerminalSize size(Fields fields) throws ProtocolException {
    int rows = fields.integer("rows");
    int cols = fields.integer("cols");
    try {
      return new TerminalSize(rows, cols);
    } catch (IllegalArgumentException _) {
      throw Fields.wrong("rows, cols", rows + ", " + cols, "each from 1 to " + TerminalSize.MAX);
    }
  }

  private static JobState state(Fields fields) throws ProtocolException {
    String name = fields.string("state");
    for (JobState state : JobState.values()) {
      if (state.wireName().equals(name)) {
        return state;
      }
    }
    throw Fields.wrong("state", name, "starting, running, draining or ended");
  }

  private static Event.Detached.Reason reason(Fields fields) throws ProtocolException {
    String name = fields.string("reason");
    for (Event.Detached.Reason reason : Event.Detached.Reason.values()) {
      if (reason.wireName().equals(name)) {
        return reason;
      }
    }
    throw Fields.wrong("reason", name, "asked or replaced");
  }

  private static Event failed(Fields fields) throws ProtocolException {
    String name = fields.string("code");
    String message = fields.string("message");
    for (ErrorCode code : ErrorCode.values()) {
      if (code.wireName().equals(name)) {
        return new Event.Failed(
            code,
            message,
            fields.has("job") ? fields.job() : null,
            fields.optionalNumber("retry_after_ms"));
      }
    }
    // A later server's code: what it ends is known all the same, and its name is in the message.
    ErrorCode nearest = fields.flag("close") ? ErrorCode.BAD_FRAME : ErrorCode.INTERNAL;
    return new Event.Failed(nearest, name + ": " + message, null);
  }
}
