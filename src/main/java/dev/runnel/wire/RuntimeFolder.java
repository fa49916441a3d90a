package dev.runnel.wire;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;

/** Where a user's daemon and clients find each other when nobody names a host. */
public final class RuntimeFolder {
  private RuntimeFolder() {}

  /** The socket of this user's own daemon; nothing is made. */
  public static Path defaultSocket() {
    return folder(System.getenv(), System.getProperty("user.name", "user")).resolve("runneld.sock");
  }

  /**
   * Makes the folder that the socket is in, for its owner alone, if it is not there.
   *
   * @throws IOException if it can't be made, or is open to others, who could put theirs in its
   *     place
   */
  public static void create(Path socket) throws IOException {
    Path folder = socket.toAbsolutePath().getParent();
    if (folder == null) {
      return;
    }
    if (!Files.isDirectory(folder)) {
      Files.createDirectories(
          folder,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    }
    String owner = Files.getOwner(folder).getName();
    if (!owner.equals(System.getProperty("user.name"))) {
      throw new IOException(folder + " belongs to " + owner);
    }
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
  }

  static Path folder(Map<String, String> environment, String user) {
    String given = environment.get("XDG_RUNTIME_DIR");
    if (given != null && given.startsWith("/")) {
      return Path.of(given, "runnel");
    }
    Path run = Path.of("/run");
    return Files.isWritable(run) ? run.resolve("runnel") : Path.of("/tmp", "runnel-" + user);
  }
}
