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
 */
public record JobLimits(
    int maxQueuedStarts,
    long maxRetainBytes,
    int maxEnded,
    Duration keep,
    Duration maxLinger,
    Duration maxStall) {
  private static final Duration YEAR = Duration.ofDays(365);
  private static final Duration DAY = Duration.ofDays(1);

  public static final JobLimits DEFAULT =
      new JobLimits(1_024, 64L << 20, 4_096, Duration.ofMinutes(10));

  /** With patience for runners that are gone. */
  public JobLimits(int maxQueuedStarts, long maxRetainBytes, int maxEnded, Duration keep) {
    this(maxQueuedStarts, maxRetainBytes, maxEnded, keep, YEAR, DAY);
  }

  /** The same, with no larger a log than may be asked for, if none was asked for. */
  public JobSpec fit(JobSpec spec) {
    boolean usual = spec.retainBytes() == JobSpec.DEFAULT_RETAIN_BYTES;
    boolean fits = spec.window().orElse(0) <= maxRetainBytes;
    return usual && fits && spec.retainBytes() > maxRetainBytes
        ? spec.withRetain(maxRetainBytes)
        : spec;
  }

  /**
   * Lets pass what a run may ask for.
   *
   * @throws RefusedException if it asks for more
   */
  void check(JobSpec spec) throws RefusedException {
    if (spec.retainBytes() > maxRetainBytes) {
      throw bad("retain: " + spec.retainBytes() + " (limit: " + maxRetainBytes + ")");
    }
    boolean forever = spec.lasting().lingersForever();
    if (forever
        ? maxLinger.compareTo(YEAR) < 0
        : spec.lasting().linger().compareTo(maxLinger) > 0) {
      String asked = forever ? "forever" : "" + spec.lasting().linger().toMillis();
      throw bad("linger_ms: " + asked + " (limit: " + maxLinger.toMillis() + ")");
    }
  }

  private static RefusedException bad(String message) {
    return new RefusedException(ErrorCode.BAD_REQUEST, message);
  }
}
