package dev.runnel.spool;

import dev.runnel.model.End;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A job of an earlier life of the server.
 *
 * @param process null: it had none, or that was not written down
 * @param end lost, unless another was written down
 * @param endedAt when it ended, or was found lost
 */
public record RecoveredJob(
    JobFile file, SpooledJob job, @Nullable Birth process, End end, Instant endedAt) {
  /** The moment of a process's birth. */
  public record Birth(int pid, Instant at) {}
}
