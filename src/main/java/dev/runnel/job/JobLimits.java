package dev.runnel.job;

import dev.runnel.model.ErrorCode;
import dev.runnel.model.JobSpec;
import java.time.Duration;

/**
 * What jobs may take up on a node.
 *
 * @param maxQueuedStarts that have no process yet
 * @param maxRetainBytes the largest {@code retain} a run may ask for
 * @param maxEnded whose end is remembered
 * @param keep how long an end is remembered, where the run does not say
 * @param maxLinger the longest that a run may have its seat vacant; a year: also for ever
 * @param maxStall how long a process may wait for a runner, whatever its run says
 * @param maxGrace the longest that a run may have from TERM to KILL
 * @param maxDrain the longest that a run may have its pipes read after its process's exit
 * @param maxKeep the longest that a run may have its end remembered
 */
public record JobLimits(
    int maxQueuedStarts,
    long maxRetainBytes,
    int maxEnded,
    Duration keep,
    Duration maxLinger,
    Duration maxStall,
    Duration maxGrace,
    Duration maxDrain,
    Duration maxKeep) {
  private static final Duration YEAR = Duration.ofDays(365);
  private static final Duration FIVE_MINUTES = Duration.ofMinutes(5);
  private static final Duration DAY = Duration.ofDays(1);

  public static final JobLimits DEFAULT =
      new JobLimits(1_024, 64L << 20, 4_096, Duration.ofMinutes(10));

  /** With patience for runners that are gone. */
  public JobLimits(int maxQueuedStarts, long maxRetainBytes, int maxEnded, Duration keep) {
    this(
        maxQueuedStarts,
        maxRetainBytes,
        maxEnded,
        keep,
        YEAR,
        DAY,
        FIVE_MINUTES,
        FIVE_MINUTES,
        YEAR);
  }

  /** The same, with no more of what was not asked for than may be asked for. */
  public JobSpec fit(JobSpec spec) {
    JobSpec fit = spec;
    boolean usual = spec.retainBytes() == JobSpec.DEFAULT_RETAIN_BYTES;
    if (usual && spec.window().orElse(0) <= maxRetainBytes && spec.retainBytes() > maxRetainBytes) {
      fit = fit.withRetain(maxRetainBytes);
    }
    if (spec.grace().equals(JobSpec.DEFAULT_GRACE)) {
      fit = fit.withGrace(least(spec.grace(), maxGrace));
    }
    return fit.withDrain(
        spec.drain().equals(JobSpec.DEFAULT_DRAIN) ? least(spec.drain(), maxDrain) : spec.drain(),
        spec.drainMax().equals(JobSpec.DEFAULT_DRAIN_MAX)
            ? least(spec.drainMax(), maxDrain)
            : spec.drainMax());
  }

  private static Duration least(Duration one, Duration other) {
    return one.compareTo(other) < 0 ? one : other;
  }

  /**
   * Lets pass what a run may ask for.
   *
   * @throws RejectedException if it asks for more
   */
  void check(JobSpec spec) throws RejectedException {
    if (spec.retainBytes() > maxRetainBytes) {
      throw bad("retain: " + spec.retainBytes() + " (limit: " + maxRetainBytes + ")");
    }
    check("grace_ms", spec.grace(), maxGrace);
    check("drain_ms", spec.drain(), maxDrain);
    check("drain_max_ms", spec.drainMax(), maxDrain);
    Duration kept = spec.lasting().keep();
    check("keep_ms", kept == null ? Duration.ZERO : kept, maxKeep);
    boolean forever = spec.lasting().lingersForever();
    if (forever
        ? maxLinger.compareTo(YEAR) < 0
        : spec.lasting().linger().compareTo(maxLinger) > 0) {
      String asked = forever ? "forever" : "" + spec.lasting().linger().toMillis();
      throw bad("linger_ms: " + asked + " (limit: " + maxLinger.toMillis() + ")");
    }
  }

  private static void check(String key, Duration asked, Duration most) throws RejectedException {
    if (asked.compareTo(most) > 0) {
      throw bad(key + ": " + asked.toMillis() + " (limit: " + most.toMillis() + ")");
    }
  }

  private static RejectedException bad(String message) {
    return new RejectedException(ErrorCode.BAD_REQUEST, message);
  }
}
