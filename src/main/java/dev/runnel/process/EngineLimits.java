package dev.runnel.process;

import java.time.Duration;

/**
 * What an engine bears.
 *
 * @param start after which a start that hangs has failed
 * @param orphans that are known at once, each of which takes a descriptor of ours; those beyond
 *     wait for their turn
 * @param keptJobs that keep what they left; of those before, what is left counts as of no job
 */
public record EngineLimits(Duration start, int orphans, int keptJobs) {
  public static final EngineLimits DEFAULT = new EngineLimits(Duration.ofSeconds(10), 1_024, 4_096);

  public EngineLimits withStart(Duration other) {
    return new EngineLimits(other, orphans, keptJobs);
  }
}
