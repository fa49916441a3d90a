package dev.runnel.wire;

import dev.runnel.model.JobId;
import dev.runnel.model.JobSpec;
import dev.runnel.model.Request;
import dev.runnel.model.Retention;
import dev.runnel.model.Role;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.OptionalLong;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The {@code attach} request, and what of a {@code run} is about following and lasting. */
final class FollowDecoder {
  private static final String END = "end";
  private static final String FOREVER = "forever";

  private FollowDecoder() {}

  static Request attach(Header header, byte[] body) throws ProtocolException, RequestException {
    RequestDecoder.checkKeys(header, body, Set.of("job", "boot", "from", "window", "runner"));
    return new Request.Attach(
        RequestDecoder.job(header),
        header.string("boot"),
        from(header),
        window(header),
        header.flag("runner") ? Role.RUNNER : Role.WATCHER);
  }

  private static OptionalLong from(Header header) throws ProtocolException, RequestException {
    if (header.raw("from") instanceof String text) {
      if (text.equals(END)) {
        return OptionalLong.empty();
      }
      throw Header.wrongType("from", text, "an offset, or \"" + END + "\"");
    }
    return OptionalLong.of(header.integer("from", 0, 0, Limits.MAX_INTEGER));
  }

  // Whether the job's log holds so much is not known here.
  private static OptionalLong window(Header header) throws ProtocolException, RequestException {
    return header.has("window")
        ? OptionalLong.of(header.integer("window", 0, JobSpec.MIN_WINDOW, Limits.MAX_INTEGER))
        : OptionalLong.empty();
  }

  /** Credit for a log of this size; absent: the transport sets the pace. */
  static OptionalLong window(Header header, long retain)
      throws ProtocolException, RequestException {
    Long window = header.integer("window");
    if (window == null) {
      return OptionalLong.empty();
    }
    if (window < JobSpec.MIN_WINDOW || window > retain) {
      throw RequestException.bad(
          "window: "
              + window
              + " (expected: from "
              + JobSpec.MIN_WINDOW
              + " to retain, which is "
              + retain
              + ")");
    }
    return OptionalLong.of(window);
  }

  static @Nullable String once(Header header, @Nullable JobId job) throws RequestException {
    String once = header.string("once");
    if (once == null) {
      return null;
    }
    int bytes = once.getBytes(StandardCharsets.UTF_8).length;
    if (bytes < 1 || bytes > Request.Run.MAX_ONCE) {
      throw RequestException.bad(
          "once: " + bytes + " bytes (expected: from 1 to " + Request.Run.MAX_ONCE + ")");
    }
    if (job == null) {
      // Without a name there is nothing to find again: the client would believe itself safe.
      throw RequestException.bad("once: without job");
    }
    return once;
  }

  static Retention lasting(Header header) throws ProtocolException, RequestException {
    Retention.OnFull onFull = onFull(header);
    Long keep = RunDecoder.millis(header, "keep_ms", 0);
    return new Retention(
        linger(header),
        keep == null ? null : Duration.ofMillis(keep),
        onFull,
        spoolBytes(header, onFull));
  }

  private static Duration linger(Header header) throws ProtocolException, RequestException {
    if (header.raw("linger_ms") instanceof String text) {
      if (text.equals(FOREVER)) {
        return Retention.FOREVER;
      }
      throw Header.wrongType("linger_ms", text, "milliseconds, or \"" + FOREVER + "\"");
    }
    return RunDecoder.duration(header, "linger_ms", Duration.ZERO);
  }

  private static Retention.OnFull onFull(Header header) throws RequestException {
    String name = header.string("on_full");
    if (name == null) {
      return Retention.OnFull.BLOCK;
    }
    for (Retention.OnFull onFull : Retention.OnFull.values()) {
      if (onFull.wireName().equals(name)) {
        return onFull;
      }
    }
    throw RequestException.bad("on_full: " + Json.show(name) + " (expected: block, drop or spool)");
  }

  private static OptionalLong spoolBytes(Header header, Retention.OnFull onFull)
      throws ProtocolException, RequestException {
    if (!header.has("spool_bytes")) {
      return OptionalLong.empty();
    }
    if (onFull != Retention.OnFull.SPOOL) {
      throw RequestException.bad("spool_bytes: without on_full \"spool\"");
    }
    return OptionalLong.of(header.integer("spool_bytes", 1, 1, Limits.MAX_INTEGER));
  }
}
