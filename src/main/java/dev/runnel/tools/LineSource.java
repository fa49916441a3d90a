package dev.runnel.tools;

import dev.runnel.model.Argument;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** Where the lines to run come from. */
interface LineSource {
  /**
   * Blocks until there is a line.
   *
   * @param mark what the prompt tells of the last command; empty: nothing
   * @param folder where the line is going to run; null: where the daemon stands
   * @return the line without its end; null: there are no more
   */
  @Nullable Argument next(String mark, @Nullable String folder) throws IOException;
}
