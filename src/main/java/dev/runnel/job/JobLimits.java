package dev.runnel.job;

import java.time.Duration;

/**
 * What jobs may take up on a node.
 *
 * @param maxQueuedStarts that have no process yet
 * @param maxRetainBytes the largest {@code retain} a run may ask for
 * @param maxEnded whose end is remembered
 * @param keep how long an end is remembered
 */
public record JobLimits(int maxQueuedStarts, long maxRetainBytes, int maxEnded, Duration keep) {
  public static final JobLimits DEFAULT =
      new JobLimits(1_024, 64L << 20, 4_096, Duration.ofMinutes(10));
}
