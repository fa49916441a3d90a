package dev.runnel.commands;

import dev.runnel.model.End;
import org.jspecify.annotations.Nullable;

/** A command that did not start, or whose true end is not known. */
public final class CommandException extends RuntimeException {
  private static final long serialVersionUID = 1;

  @SuppressWarnings("serial") // Told to whoever asked, in this JVM.
  private final @Nullable End end;

  public CommandException(String message) {
    super(message);
    this.end = null;
  }

  public CommandException(String message, End end) {
    super(message);
    this.end = end;
  }

  /** How the job ended, if it did so before its process was there. */
  public @Nullable End end() {
    return end;
  }
}
