package dev.runnel.security.policy;

import dev.runnel.model.CommandSpec;
import dev.runnel.model.JobSpec;
import dev.runnel.model.ResourceLimits;
import dev.runnel.model.Retention;
import java.time.Duration;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** The numbers of a run that a rule can bound, by their names on the wire. */
public enum LimitKey {
  TIMEOUT_MS("timeout_ms", Range.UNLIMITED),
  GRACE_MS("grace_ms", JobSpec.DEFAULT_GRACE.toMillis()),
  DRAIN_MS("drain_ms", JobSpec.DEFAULT_DRAIN.toMillis()),
  DRAIN_MAX_MS("drain_max_ms", JobSpec.DEFAULT_DRAIN_MAX.toMillis()),
  RETAIN("retain", JobSpec.DEFAULT_RETAIN_BYTES),
  LINGER_MS("linger_ms", 0),
  KEEP_MS("keep_ms", 600_000),
  SPOOL_BYTES("spool_bytes", Retention.DEFAULT_SPOOL_BYTES),
  CPU_S("cpu_s", Range.UNLIMITED),
  MEMORY_BYTES("memory_bytes", Range.UNLIMITED),
  OPEN_FILES("open_files", Range.UNLIMITED),
  FILE_BYTES("file_bytes", Range.UNLIMITED);

  private final String key;
  private final long usual;

  LimitKey(String key, long usual) {
    this.key = key;
    this.usual = usual;
  }

  public String key() {
    return key;
  }

  /** Whether it is one of {@code limits}. */
  public boolean isOfLimits() {
    return compareTo(CPU_S) >= 0;
  }

  /** What a run has that does not ask for anything. */
  long usual() {
    return usual;
  }

  /** What a run asks for; absent: nothing, or what it would have anyway. */
  OptionalLong asked(JobSpec spec) {
    ResourceLimits limits = spec.command().limits();
    return switch (this) {
      case TIMEOUT_MS -> millis(spec.timeout());
      case GRACE_MS -> unusual(spec.grace());
      case DRAIN_MS -> unusual(spec.drain());
      case DRAIN_MAX_MS -> unusual(spec.drainMax());
      case RETAIN ->
          spec.retainBytes() == usual ? OptionalLong.empty() : OptionalLong.of(spec.retainBytes());
      case LINGER_MS -> linger(spec.lasting());
      case KEEP_MS -> millis(spec.lasting().keep());
      case SPOOL_BYTES -> spec.lasting().spoolBytes();
      case CPU_S -> limits.cpuSeconds();
      case MEMORY_BYTES -> limits.memoryBytes();
      case OPEN_FILES -> limits.openFiles();
      case FILE_BYTES -> limits.fileBytes();
    };
  }

  private static OptionalLong millis(@Nullable Duration duration) {
    return duration == null ? OptionalLong.empty() : OptionalLong.of(duration.toMillis());
  }

  private OptionalLong unusual(Duration duration) {
    return duration.toMillis() == usual ? OptionalLong.empty() : millis(duration);
  }

  private static OptionalLong linger(Retention lasting) {
    if (lasting.lingersForever()) {
      return OptionalLong.of(Range.UNLIMITED);
    }
    return lasting.linger().isZero() ? OptionalLong.empty() : millis(lasting.linger());
  }

  /** The run with another value of this. */
  JobSpec with(JobSpec spec, long value) {
    return switch (this) {
      case TIMEOUT_MS -> spec.withTimeout(Duration.ofMillis(value));
      case GRACE_MS -> spec.withGrace(Duration.ofMillis(value));
      case DRAIN_MS -> spec.withDrain(Duration.ofMillis(value), spec.drainMax());
      case DRAIN_MAX_MS -> spec.withDrain(spec.drain(), Duration.ofMillis(value));
      case RETAIN -> spec.withRetain(value);
      case LINGER_MS -> spec.withLasting(spec.lasting().withLinger(Duration.ofMillis(value)));
      case KEEP_MS -> spec.withLasting(spec.lasting().withKeep(Duration.ofMillis(value)));
      case SPOOL_BYTES -> spec.withLasting(spec.lasting().withSpool(value));
      case CPU_S, MEMORY_BYTES, OPEN_FILES, FILE_BYTES -> {
        CommandSpec command = spec.command();
        yield spec.withCommand(command.withLimits(with(command.limits(), OptionalLong.of(value))));
      }
    };
  }

  private ResourceLimits with(ResourceLimits all, OptionalLong value) {
    return new ResourceLimits(
        this == CPU_S ? value : all.cpuSeconds(),
        this == MEMORY_BYTES ? value : all.memoryBytes(),
        this == OPEN_FILES ? value : all.openFiles(),
        this == FILE_BYTES ? value : all.fileBytes());
  }
}
