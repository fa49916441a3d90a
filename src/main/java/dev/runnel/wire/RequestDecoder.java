package dev.runnel.wire;

import dev.runnel.model.Caller;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.JobId;
import dev.runnel.model.JobState;
import dev.runnel.model.Request;
import dev.runnel.model.Signal;
import java.time.Duration;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A header and its body to the request they mean. PROTOCOL.md, "Requests". */
public final class RequestDecoder {
  private static final Set<String> COMMON = Set.of("type", "id", "total_size");

  private RequestDecoder() {}

  /**
   * Decodes one frame.
   *
   * @param body of exactly {@code header.totalSize()} bytes; belongs to the request afterwards
   * @throws RequestException if only this request is wrong
   * @throws ProtocolException if the connection can't go on
   */
  public static Request decode(Header header, byte[] body)
      throws ProtocolException, RequestException {
    String type = header.string("type");
    return switch (type) {
      case null -> RunDecoder.decode(header, body);
      case "run" -> RunDecoder.decode(header, body);
      case "stdin" -> notice(header, body, RequestDecoder::stdin);
      case "ack" -> notice(header, body, RequestDecoder::ack);
      case "attach" -> FollowDecoder.attach(header, body);
      case "detach" -> {
        checkKeys(header, body, Set.of("follow", "linger"));
        yield new Request.Detach(
            header.string("follow"),
            header.flag("linger")
                ? Request.Detach.Linger.LIMITED
                : Request.Detach.Linger.UNLIMITED);
      }
      case "pong" -> notice(header, body, RequestDecoder::pong);
      case "hello" -> hello(header, body);
      case "signal" -> signal(header, body);
      case "cancel" -> {
        checkKeys(header, body, Set.of("job", "grace_ms"));
        Long grace = RunDecoder.millis(header, "grace_ms", 0);
        yield new Request.Cancel(job(header), grace == null ? null : Duration.ofMillis(grace));
      }
      case "forget" -> {
        checkKeys(header, body, Set.of("job"));
        yield new Request.Forget(job(header));
      }
      case "resize" -> {
        checkKeys(header, body, Set.of("job", "rows", "cols"));
        yield new Request.Resize(job(header), RestrictionsDecoder.newSize(header));
      }
      case "status" -> {
        checkKeys(header, body, Set.of("job"));
        yield new Request.Status(job(header));
      }
      case "jobs" -> jobs(header, body);
      case "nodes" -> {
        checkKeys(header, body, Set.of());
        yield new Request.Nodes();
      }
      case "ping" -> {
        checkKeys(header, body, Set.of());
        yield new Request.Ping();
      }
      case String other ->
          throw new RequestException(ErrorCode.UNKNOWN_TYPE, "type: " + Json.show(other));
    };
  }

  private interface Part<T> {
    T decode(Header header, byte[] body) throws ProtocolException, RequestException;
  }

  // A notice has no answer in which its mistake could be told, so the connection ends.
  private static Request notice(Header header, byte[] body, Part<Request> part)
      throws ProtocolException {
    try {
      if (header.has("id")) {
        throw RequestException.bad("id: not in a notice");
      }
      return part.decode(header, body);
    } catch (RequestException e) {
      throw new ProtocolException(ErrorCode.BAD_NOTICE, e.getMessage());
    }
  }

  private static Request stdin(Header header, byte[] body)
      throws ProtocolException, RequestException {
    checkKeys(header, Set.of("job", "offset", "eof"));
    return new Request.Stdin(job(header), offset(header), body, header.flag("eof"));
  }

  private static Request ack(Header header, byte[] body)
      throws ProtocolException, RequestException {
    checkKeys(header, body, Set.of("follow", "offset"));
    return new Request.Ack(header.string("follow"), offset(header));
  }

  private static Request pong(Header header, byte[] body) throws RequestException {
    checkKeys(header, body, Set.of());
    return new Request.Pong();
  }

  private static Request hello(Header header, byte[] body)
      throws ProtocolException, RequestException {
    // First: a later version may have keys, and a body, that this one knows nothing of.
    Long version = header.integer("version");
    if (version == null || version != 1) {
      throw new ProtocolException(
          ErrorCode.UNSUPPORTED_VERSION,
          "version: " + (version == null ? "missing" : version) + " (expected: 1)");
    }
    checkKeys(header, body, Set.of("version", "token", "heartbeat_ms", "for"));
    return new Request.Hello(1, token(header), heartbeat(header), onBehalf(header));
  }

  private static @Nullable Caller onBehalf(Header header) throws RequestException {
    Header of = header.object("for");
    if (of == null) {
      return null;
    }
    String principal = of.string("for.principal");
    String source = of.string("for.source");
    String via = of.string("for.via");
    String door = of.string("for.door");
    for (Caller.Via each : Caller.Via.values()) {
      if (each.name().toLowerCase(Locale.ROOT).equals(via) && principal != null && source != null) {
        return new Caller(principal, source, each, door);
      }
    }
    throw RequestException.bad("for: (expected: principal, source, via and door)");
  }

  private static @Nullable Duration heartbeat(Header header)
      throws ProtocolException, RequestException {
    if (!header.has("heartbeat_ms")) {
      return null;
    }
    long min = Request.Hello.MIN_HEARTBEAT.toMillis();
    long max = Request.Hello.MAX_HEARTBEAT.toMillis();
    return Duration.ofMillis(header.integer("heartbeat_ms", min, min, max));
  }

  private static @Nullable String token(Header header) throws RequestException {
    if (header.has("token") && !(header.raw("token") instanceof String)) {
      // Not shown: it is a secret, and messages are logged.
      throw RequestException.bad("token: not a string");
    }
    return header.string("token");
  }

  private static Request signal(Header header, byte[] body) throws RequestException {
    checkKeys(header, body, Set.of("job", "signal"));
    String name = header.string("signal");
    if (name == null) {
      throw RequestException.bad("signal: missing");
    }
    Signal signal = Signal.ofName(name);
    if (signal == null) {
      throw RequestException.bad(
          "signal: " + Json.show(name) + " (expected: a name without SIG, such as TERM)");
    }
    return new Request.SendSignal(job(header), signal);
  }

  private static Request jobs(Header header, byte[] body)
      throws ProtocolException, RequestException {
    checkKeys(header, body, Set.of("prefix", "state", "labels", "after", "limit", "watch"));
    int max = Request.Jobs.MAX_LIMIT;
    int limit = (int) header.integer("limit", max, 1, max);
    String after = header.string("after");
    if (after != null && !JobId.isValid(after)) {
      throw RequestException.bad(
          "after: " + Json.show(after) + " (expected: " + JobId.PATTERN + ")");
    }
    return new Request.Jobs(
        header.string("prefix"),
        state(header),
        LabelsDecoder.decode(header),
        after == null ? null : new JobId(after),
        limit,
        header.flag("watch"));
  }

  private static @Nullable JobState state(Header header) throws RequestException {
    String name = header.string("state");
    if (name == null) {
      return null;
    }
    for (JobState state : JobState.values()) {
      if (state.wireName().equals(name)) {
        return state;
      }
    }
    throw RequestException.bad(
        "state: " + Json.show(name) + " (expected: starting, running, draining or ended)");
  }

  static JobId job(Header header) throws RequestException {
    JobId job = optionalJob(header);
    if (job == null) {
      throw RequestException.bad("job: missing");
    }
    return job;
  }

  static @Nullable JobId optionalJob(Header header) throws RequestException {
    String name = header.string("job");
    if (name == null) {
      return null;
    }
    if (!JobId.isValid(name)) {
      throw RequestException.bad("job: " + Json.show(name) + " (expected: " + JobId.PATTERN + ")");
    }
    return new JobId(name);
  }

  private static long offset(Header header) throws ProtocolException, RequestException {
    if (!header.has("offset")) {
      throw RequestException.bad("offset: missing");
    }
    return header.integer("offset", 0, 0, Limits.MAX_INTEGER);
  }

  static void checkKeys(Header header, byte[] body, Set<String> known) throws RequestException {
    checkKeys(header, known);
    if (body.length != 0) {
      throw RequestException.bad("body: " + body.length + " bytes (expected: none)");
    }
  }

  // A mistyped timeout_ms must not mean "no limit".
  static void checkKeys(Header header, Set<String> known) throws RequestException {
    for (String key : header.keys()) {
      if (!known.contains(key) && !COMMON.contains(key) && !key.startsWith("x-")) {
        throw RequestException.bad(Json.show(key) + ": unknown key");
      }
    }
  }
}
