package dev.runnel.model;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How a job ended; there is exactly one for each job. PROTOCOL.md, "Answers", {@code end}. What was
 * not measured is null, never 0.
 *
 * @param status the wait status, whatever the outcome; null if there never was a process
 * @param failure for {@link Outcome#START_FAILED} and only for it
 * @param outputBytes the log's length
 * @param drained false if others still held the pipes when we stopped waiting
 * @param leftovers at most {@link #MAX_LEFTOVERS}
 * @param leftoversTotal how many there were
 * @param oom whether the kernel's counters show that it was killed for want of memory
 */
public record End(
    JobId job,
    Outcome outcome,
    @Nullable ExitStatus status,
    @Nullable StartFailure failure,
    StreamTotal stdout,
    StreamTotal stderr,
    long outputBytes,
    boolean drained,
    List<Leftover> leftovers,
    int leftoversTotal,
    @Nullable Instant startedAt,
    @Nullable Duration duration,
    @Nullable Duration cpu,
    boolean oom) {
  public static final int MAX_LEFTOVERS = 64;

  /** Whether it ended by itself, with exit code 0. */
  public boolean isSuccess() {
    return outcome == Outcome.EXITED && code() == 0;
  }

  /** The exit code as a shell has it: 128 + n for signal n; 255 if it is not known. */
  public int code() {
    return switch (status) {
      case ExitStatus.Exited(int code) -> code;
      case ExitStatus.Signaled(int number) -> 128 + number;
      case null -> 255;
    };
  }

  public End {
    leftovers = List.copyOf(leftovers);
    Objects.requireNonNull(outcome);
    if ((failure != null) != (outcome == Outcome.START_FAILED)) {
      throw new IllegalArgumentException("outcome: " + outcome + ", failure: " + failure);
    }
  }
}
