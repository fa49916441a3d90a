package dev.runnel.api;

import dev.runnel.model.End;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.Event;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A command that did not start, or whose true end is not known. */
public final class CommandException extends RuntimeException {
  private static final long serialVersionUID = 1;

  @SuppressWarnings("serial") // Told to whoever asked, in this JVM.
  private final @Nullable End end;

  private final @Nullable ErrorCode code;

  public CommandException(String message) {
    this(message, null, null);
  }

  /** The job ended before its process was there. */
  CommandException(String message, End end) {
    this(message, end, null);
  }

  /** The node refused. */
  public CommandException(Event.Failed refusal) {
    this(refusal.code().wireName() + ": " + refusal.message(), null, refusal.code());
  }

  private CommandException(String message, @Nullable End end, @Nullable ErrorCode code) {
    super(message);
    this.end = end;
    this.code = code;
  }

  @Override
  public String getMessage() {
    return Objects.requireNonNull(super.getMessage());
  }

  /** How the job ended, if it did so before its process was there. */
  public @Nullable End end() {
    return end;
  }

  /** What the node refused with, where that is told as such; null: it did not refuse. */
  public @Nullable ErrorCode code() {
    return code;
  }
}
