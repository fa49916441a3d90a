package dev.runnel.api;

import dev.runnel.model.End;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.Event;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.Outcome;
import dev.runnel.model.StartFailure;
import dev.runnel.model.SystemText;
import java.time.Duration;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Why a command, or what was asked of a job, has no true end or answer. The kinds are the same over
 * every transport; what led to one is its cause. PROTOCOL.md, "Errors".
 */
public abstract sealed class CommandException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private CommandException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }

  @Override
  public String getMessage() {
    return Objects.requireNonNull(super.getMessage());
  }

  /** Whether nothing was run, and the same may succeed later: it may be asked for again. */
  public boolean isRetryable() {
    return false;
  }

  /** The node was not reached, or closed before it had answered {@code hello}: nothing ran. */
  public static final class Unreachable extends CommandException {
    private static final long serialVersionUID = 1;

    public Unreachable(String message) {
      this(message, null);
    }

    public Unreachable(String message, @Nullable Throwable cause) {
      super(message, cause);
    }

    @Override
    public boolean isRetryable() {
      return true;
    }
  }

  /** The node refused what was asked: nothing ran. */
  public static final class Refused extends CommandException {
    private static final long serialVersionUID = 1;
    private static final Set<ErrorCode> PASSING =
        Set.of(
            ErrorCode.BUSY,
            ErrorCode.UNAVAILABLE,
            ErrorCode.TOO_SLOW,
            ErrorCode.TOO_MANY_CONNECTIONS,
            ErrorCode.TOO_MANY_FAILURES);

    private final ErrorCode code;
    private final @Nullable Duration retryAfter;

    public Refused(Event.Failed refusal) {
      this(refusal, null);
    }

    public Refused(Event.Failed refusal, @Nullable Throwable cause) {
      super(refusal.code().wireName() + ": " + refusal.message(), cause);
      Long millis = refusal.retryAfterMillis();
      this.code = refusal.code();
      this.retryAfter = millis == null ? null : Duration.ofMillis(millis);
    }

    public ErrorCode code() {
      return code;
    }

    /** After how long another try may succeed; null: the node did not say. */
    public @Nullable Duration retryAfter() {
      return retryAfter;
    }

    @Override
    public boolean isRetryable() {
      return PASSING.contains(code);
    }
  }

  /** The job ended before its process was there: nothing ran. */
  public static final class StartFailed extends CommandException {
    private static final long serialVersionUID = 1;

    /** Of these there may be enough another time. */
    private static final Set<String> PASSING =
        Set.of("EAGAIN", "ENOMEM", "EMFILE", "ENFILE", "ETIMEDOUT");

    @SuppressWarnings("serial") // Told to whoever asked, in this JVM.
    private final End end;

    StartFailed(End end) {
      super(message(end), null);
      this.end = end;
    }

    private static String message(End end) {
      StartFailure failure = end.failure();
      return failure == null
          ? "the job ended before it had started: " + end.outcome().wireName()
          : failure.message() + " (" + failure.errno() + ")";
    }

    public End end() {
      return end;
    }

    /** The error and the step; null: it was canceled, timed out or shut down before. */
    public @Nullable StartFailure failure() {
      return end.failure();
    }

    @Override
    public boolean isRetryable() {
      StartFailure failure = end.failure();
      return failure == null
          ? end.outcome() == Outcome.SHUTDOWN
          : PASSING.contains(failure.errno());
    }
  }

  /** The node was asked, and did not answer: whether it did what it was asked is not known. */
  public static final class OutcomeUnknown extends CommandException {
    private static final long serialVersionUID = 1;

    public OutcomeUnknown(String message) {
      this(message, null);
    }

    public OutcomeUnknown(String message, @Nullable Throwable cause) {
      super(message, cause);
    }
  }

  /** The node of a job that had started is gone, or has forgotten it: its end is not known. */
  public static final class NodeLost extends CommandException {
    private static final long serialVersionUID = 1;

    public NodeLost(String message) {
      this(message, null);
    }

    public NodeLost(String message, @Nullable Throwable cause) {
      super(message, cause);
    }
  }

  /** The job is followed here no longer, because it was left or another took its seat. */
  public static final class Detached extends CommandException {
    private static final long serialVersionUID = 1;

    public Detached(String message) {
      this(message, null);
    }

    public Detached(String message, @Nullable Throwable cause) {
      super(message, cause);
    }
  }

  /** It ran, and ended otherwise than with exit code 0; only for those who asked to be told so. */
  public static final class Unsuccessful extends CommandException {
    private static final long serialVersionUID = 1;
    private static final int MAX_SHOWN = 1_000;

    @SuppressWarnings("serial") // Told to whoever asked, in this JVM.
    private final End end;

    Unsuccessful(End end, String err) {
      super(message(end, err.strip()), null);
      this.end = end;
    }

    private static String message(End end, String err) {
      String how =
          end.outcome() == Outcome.EXITED
              ? "exit code " + end.code()
              : end.outcome().wireName()
                  + (end.status() instanceof ExitStatus.Signaled signaled
                      ? " (" + signaled.signalName() + ")"
                      : "");
      int from = Math.max(0, err.length() - MAX_SHOWN);
      return SystemText.shown(err.isEmpty() ? how : how + ": " + err.substring(from));
    }

    public End end() {
      return end;
    }
  }

  /** What came is not whole, or contradicts itself: nothing that was told can be relied on. */
  public static final class Damaged extends CommandException {
    private static final long serialVersionUID = 1;

    public Damaged(String message) {
      this(message, null);
    }

    public Damaged(String message, @Nullable Throwable cause) {
      super(message, cause);
    }
  }
}
