package dev.runnel.model;

import java.time.Duration;
import java.util.Locale;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * What becomes of a job without its runner, and after its end. PROTOCOL.md, "Requests".
 *
 * @param linger how long the runner's seat may be vacant before the job is ended as abandoned;
 *     zero: not at all; {@link #FOREVER}
 * @param keep how long its end and the output retained stay for replay; null: as the server has it
 * @param onFull what happens when the log is full while the seat is vacant
 * @param spoolBytes how much of the disk its output may take; only with {@link OnFull#SPOOL}
 */
public record Retention(
    Duration linger, @Nullable Duration keep, OnFull onFull, OptionalLong spoolBytes) {
  /** Without a limit; not to be counted with. */
  public static final Duration FOREVER = Duration.ofSeconds(Long.MAX_VALUE);

  /** How much of the disk a job's output may take if it does not say. */
  public static final long DEFAULT_SPOOL_BYTES = 256L << 20;

  /** A job that ends when its runner goes. */
  public static final Retention DEFAULT =
      new Retention(Duration.ZERO, null, OnFull.BLOCK, OptionalLong.empty());

  /** What happens when nobody sits in the seat and the log is full. */
  public enum OnFull {
    /** The process waits for a runner. */
    BLOCK,
    /** The oldest output goes, and whoever asks for it is told of the gap. */
    DROP,
    /** Output goes to the disk, up to a limit. */
    SPOOL;

    private final String wireName = name().toLowerCase(Locale.ROOT);

    public String wireName() {
      return wireName;
    }
  }

  public Retention {
    if (linger.isNegative() || (keep != null && keep.isNegative())) {
      throw new IllegalArgumentException("linger: " + linger + ", keep: " + keep);
    }
  }

  public boolean lingersForever() {
    return linger.equals(FOREVER);
  }

  /** The same with another time for an empty seat. */
  public Retention withLinger(Duration other) {
    return new Retention(other, keep, onFull, spoolBytes);
  }

  /** The same, known for another time after its end. */
  public Retention withKeep(Duration other) {
    return new Retention(linger, other, onFull, spoolBytes);
  }

  /** The same with another part of the disk, if it has any. */
  public Retention withSpool(long bytes) {
    return onFull == OnFull.SPOOL
        ? new Retention(linger, keep, onFull, OptionalLong.of(bytes))
        : this;
  }
}
