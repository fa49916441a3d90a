package dev.runnel.api;

import dev.runnel.model.End;
import io.vertx.core.buffer.Buffer;
import java.nio.charset.StandardCharsets;

/** How a command ended, and all that it wrote. */
public record CommandResult(End end, Buffer stdout, Buffer stderr) {
  /** The exit code as a shell has it: {@link End#code}. */
  public int code() {
    return end.code();
  }

  /** What it wrote to stdout, as UTF-8. */
  public String out() {
    return stdout.toString(StandardCharsets.UTF_8);
  }

  /** What it wrote to stderr, as UTF-8. */
  public String err() {
    return stderr.toString(StandardCharsets.UTF_8);
  }

  /**
   * The same, if the command succeeded.
   *
   * @throws CommandException.Unsuccessful if not; {@code map(CommandResult::checked)} fails a
   *     future
   */
  public CommandResult checked() {
    if (!end.isSuccess()) {
      throw new CommandException.Unsuccessful(end, err());
    }
    return this;
  }
}
