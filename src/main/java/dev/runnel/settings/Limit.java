package dev.runnel.settings;

import dev.runnel.cli.Durations;
import dev.runnel.cli.Sizes;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Every bound that can be set, in one table: the file, {@code --limit}, the help and the guide's
 * page are made of it. A key that ends in _ms is a time, one that ends in _bytes or _retain bytes.
 */
public enum Limit {
  MAX_CONNECTIONS("max_connections", 20_000, 1, 1_000_000, "connections, of all listeners"),
  MAX_REQUESTS("max_requests", 256, 1, 65_536, "requests in flight on a connection"),
  MAX_CONNECTION_JOBS("max_connection_jobs", 256, 1, 65_536, "jobs at once on a connection"),
  MAX_JOBS("max_jobs", 4_096, 1, 1_000_000, "jobs at once; fewer if max_log_bytes is small"),
  MAX_PRINCIPAL_JOBS("max_principal_jobs", 0, 1, 1_000_000, "jobs at once of a principal; 0: all"),
  MAX_PRINCIPAL_STARTS(
      "max_principal_starts_per_minute", 0, 1, 1_000_000, "starts of a principal; 0: any"),
  MAX_PRINCIPAL_RETAIN(
      "max_principal_retain", 0, 1_024, 1L << 40, "retain of all its jobs at once; 0: any"),
  MAX_PRINCIPAL_CONNECTIONS(
      "max_principal_connections", 0, 1, 1_000_000, "connections of a principal; 0: any"),
  MAX_SOURCE_JOBS("max_source_jobs", 0, 1, 1_000_000, "the same of a source (an IP address)"),
  MAX_SOURCE_STARTS("max_source_starts_per_minute", 0, 1, 1_000_000, "starts of a source; 0: any"),
  MAX_SOURCE_RETAIN(
      "max_source_retain", 0, 1_024, 1L << 40, "retain of all its jobs at once; 0: any"),
  MAX_SOURCE_CONNECTIONS(
      "max_source_connections", 0, 1, 1_000_000, "connections of a source; 0: any"),
  MAX_QUEUED_STARTS("max_queued_starts", 1_024, 1, 1_000_000, "jobs without a process yet"),
  MAX_LOG_BYTES(
      "max_log_bytes", 0, 1 << 17, 1L << 40, "memory of all logs; 0: half the heap's limit"),
  MAX_SPOOL_BYTES("max_spool_bytes", 4L << 30, 1 << 16, 1L << 50, "output on disk, of all jobs"),
  MAX_RECORDING_BYTES(
      "max_recording_bytes", 64L << 20, 1 << 16, 1L << 40, "a recording (--record-dir)"),
  MAX_RECORDINGS_BYTES(
      "max_recordings_bytes", 1L << 30, 1 << 16, 1L << 50, "all of them; the oldest go"),
  MAX_RETAIN("max_retain", 64L << 20, 1_024, 1L << 40, "bytes a run may ask to retain"),
  MAX_UNSENT_BYTES(
      "max_unsent_bytes", 256 << 10, 1_024, 1 << 30, "output under way on a connection"),
  MAX_UNREAD_BYTES("max_unread_bytes", 256 << 10, 1_024, 1 << 30, "answers unread on a connection"),
  MAX_OUTGOING_BYTES(
      "max_outgoing_bytes",
      0,
      1 << 20,
      1L << 40,
      "of both, of all connections; 0: a quarter of the heap's limit"),
  MAX_SOCKET_BYTES(
      "max_socket_bytes", 512L << 20, 1 << 20, 1L << 40, "the kernel's part of it, about"),
  MAX_PARTIAL_BYTES(
      "max_partial_bytes",
      0,
      1 << 19,
      1L << 40,
      "what has begun to arrive, of all connections; 0: an eighth of the heap's limit"),
  MAX_SEED_BYTES(
      "max_seed_bytes",
      128L << 20,
      1 << 16,
      1L << 40,
      "answers of the seed listener, all together"),
  MAX_ENDED("max_ended", 4_096, 1, 1_000_000, "ended jobs that are remembered"),
  KEEP_MS("keep_ms", 600_000, 1, 31_536_000_000L, "how long they are"),
  MAX_STRANGERS("max_strangers", 1_000, 1, 1_000_000, "connections without a hello yet"),
  HELLO_MS("hello_ms", 10_000, 1, 3_600_000, "time for TLS and hello, where they are needed"),
  MAX_PENALTY_MS(
      "max_penalty_ms", 60_000, 0, 86_400_000, "delay of logins after failures, by address"),
  MAX_LINGER_MS(
      "max_linger_ms",
      31_536_000_000L,
      0,
      31_536_000_000L,
      "how long a runner's seat may be vacant; a year: or for ever"),
  MAX_STALL_MS(
      "max_stall_ms", 86_400_000, 1, 31_536_000_000L, "how long a process waits for a runner"),
  MAX_GRACE_MS("max_grace_ms", 300_000, 0, 31_536_000_000L, "from TERM to KILL, as a run asks"),
  MAX_DRAIN_MS(
      "max_drain_ms", 300_000, 0, 31_536_000_000L, "how long pipes are read after the exit"),
  MAX_KEEP_MS(
      "max_keep_ms", 31_536_000_000L, 0, 31_536_000_000L, "how long a run may be remembered"),
  FIRST_FRAME_MS("first_frame_ms", 30_000, 1, 3_600_000, "time for a connection's first frame"),
  FRAME_MS("frame_ms", 30_000, 1, 3_600_000, "time for a frame, from its first byte");

  private final String key;
  private final long fallback;
  private final long min;
  private final long max;
  private final String meaning;

  Limit(String key, long fallback, long min, long max, String meaning) {
    this.key = key;
    this.fallback = fallback;
    this.min = min;
    this.max = max;
    this.meaning = meaning;
  }

  /** The name in the file and on the command line. */
  public String key() {
    return key;
  }

  public long fallback() {
    return fallback;
  }

  /** The least that it may be set to; less has a meaning of its own, if it is the default. */
  public long min() {
    return min;
  }

  /** The most that it may be set to. */
  public long max() {
    return max;
  }

  /** A few words for the help. */
  public String meaning() {
    return meaning;
  }

  /** The limit of that name, or null. */
  public static @Nullable Limit ofKey(String key) {
    for (Limit limit : values()) {
      if (limit.key.equals(key)) {
        return limit;
      }
    }
    return null;
  }

  /**
   * The value that a text says: a number, or one with a unit where it is a time or bytes.
   *
   * @throws IllegalArgumentException saying what the text is and what was expected
   */
  long parse(String text) {
    long value = number(key, text);
    if (isAllowed(value)) {
      return value;
    }
    throw outside(text);
  }

  /**
   * The value, which a program says.
   *
   * @throws IllegalArgumentException if it is out of the bounds, which it names
   */
  public long check(long value) {
    if (isAllowed(value)) {
      return value;
    }
    throw outside(key + ": " + value);
  }

  private boolean isAllowed(long value) {
    return value == fallback || (value >= min && value <= max);
  }

  private IllegalArgumentException outside(String told) {
    return new IllegalArgumentException(
        told + " (expected: from " + show(min) + " to " + show(max) + ")");
  }

  /**
   * The number that a text says: as it is, or with a unit if its key tells that it is a time or
   * bytes.
   *
   * @throws IllegalArgumentException saying what the text is and what was expected
   */
  static long number(String key, String text) {
    if (text.matches("[0-9]{1,18}")) {
      return Long.parseLong(text);
    }
    if (isTime(key)) {
      return Durations.parse(text).toMillis();
    }
    if (isBytes(key)) {
      return Sizes.parse(text);
    }
    throw new IllegalArgumentException(text + " (expected: a whole number)");
  }

  /** One of its values for people, as {@link #parse} reads it. */
  String show(long value) {
    return isTime(key)
        ? Durations.show(Duration.ofMillis(value))
        : isBytes(key) ? Sizes.show(value) : "" + value;
  }

  private static boolean isTime(String key) {
    return key.endsWith("_ms");
  }

  private static boolean isBytes(String key) {
    return key.endsWith("_bytes") || key.endsWith("retain");
  }
}
