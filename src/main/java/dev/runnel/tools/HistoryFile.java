package dev.runnel.tools;

import dev.runnel.cli.Runner;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.jspecify.annotations.Nullable;

/** Where typed lines are kept: in the user's state folder, for nobody else to read. */
final class HistoryFile {
  private HistoryFile() {}

  /** Makes it if need be; null: it can't be, which is told, and lines are not kept. */
  static @Nullable Path prepare(Runner runner) {
    Path file = stateFolder().resolve("runnel").resolve("history");
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
  private static Path stateFolder() {
    String state = System.getenv("XDG_STATE_HOME");
    if (state != null && state.startsWith("/")) {
      return Path.of(state);
    }
    String home = System.getenv("HOME");
    String base = home == null || home.isEmpty() ? System.getProperty("user.home") : home;
    return Path.of(base, ".local", "state");
  }
}
