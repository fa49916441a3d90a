package dev.runnel.cli;

import java.nio.channels.ReadableByteChannel;

/** What the escape keys of a session on a terminal do: end it, whatever the connection does. */
final class LeavingKeys {
  private LeavingKeys() {}

  /** Keys for the job, but for those that are for us. */
  static ReadableByteChannel of(CliContext surroundings, char escape, Runnable leave) {
    String help = escape + ".  leave at once\r\n" + escape + escape + "  type it\r\n";
    return new EscapeKeys(
        surroundings.in(),
        escape,
        new EscapeKeys.Actions() {
          @Override
          public void leave() {
            leave.run();
          }

          @Override
          public void help() {
            try {
              // On a terminal in which a line end is only that.
              surroundings.err().print("\r\n" + help);
            } catch (Failure _) {
              // Nobody sees it.
            }
          }
        });
  }
}
