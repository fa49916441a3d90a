package dev.runnel.tools;

import dev.runnel.cli.ShellSession;
import dev.runnel.files.CurrentUser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.jspecify.annotations.Nullable;

/** Where typed lines are kept: in the user's state folder, for nobody else to read. */
final class HistoryFile {
  private HistoryFile() {}

  /** Makes it if need be; null: it can't be, which is told, and lines are not kept. */
  static @Nullable Path prepare(ShellSession runner) {
    Path folder = stateFolder();
    if (folder == null) {
      runner.tell("no history: you have no home folder, and XDG_STATE_HOME names none");
      return null;
    }
    Path file = folder.resolve("runnel").resolve("history");
    try {
      Files.createDirectories(
          file.getParent(),
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      var owner = PosixFilePermissions.fromString("rw-------");
      if (Files.exists(file)) {
        Files.setPosixFilePermissions(file, owner);
      } else {
        Files.createFile(file, PosixFilePermissions.asFileAttribute(owner));
      }
      return file;
    } catch (IOException | UnsupportedOperationException e) {
      runner.tell("no history: cannot write " + file + ": " + e.getMessage());
      return null;
    }
  }

  // A relative one is to be ignored, says the XDG base directory specification.
  private static @Nullable Path stateFolder() {
    String state = System.getenv("XDG_STATE_HOME");
    if (state != null && state.startsWith("/")) {
      return Path.of(state);
    }
    String home = CurrentUser.home(System.getenv());
    return home == null ? null : Path.of(home, ".local", "state");
  }
}
