package dev.runnel.wire;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;

/**
 * The user's folder for what lives as long as a boot, and in it the socket where a server listens
 * that was not told otherwise. Servers and clients ask here, so that they find each other.
 */
public final class RuntimeFolder {
  private static final String SOCKET = "runneld.sock";
  private static final int ROOT = 0;
  private static final int OTHERS_MAY_WRITE = 022;

  private RuntimeFolder() {}

  /**
   * Where the folder is, whether it is there or not: {@code $XDG_RUNTIME_DIR/runnel}, else {@code
   * /run/runnel} for root and {@code /tmp/runnel-USER} for others.
   */
  public static Path path(Map<String, String> env) {
    String given = env.get("XDG_RUNTIME_DIR");
    if (given != null && given.startsWith("/")) {
      return Path.of(given, "runnel");
    }
    int user = user();
    if (user == ROOT) {
      return Path.of("/run/runnel");
    }
    return Path.of("/tmp/runnel-" + (user < 0 ? System.getProperty("user.name") : "" + user));
  }

  /** The default socket, whether it is there or not. */
  public static Path socket(Map<String, String> env) {
    return path(env).resolve(SOCKET);
  }

  /** Whether nobody but this user and root can have put anything into the folder. */
  public static boolean isOurs(Path folder) {
    try {
      int owner = attribute(folder, "unix:uid");
      return Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)
          && (owner == ROOT || owner == user())
          && (attribute(folder, "unix:mode") & OTHERS_MAY_WRITE) == 0;
    } catch (IOException | UnsupportedOperationException | IllegalArgumentException _) {
      return false;
    }
  }

  /**
   * Makes the folder, for this user alone, unless it is there.
   *
   * @throws IOException if it can't be made or others could have put something into it
   */
  public static void create(Path folder) throws IOException {
    try {
      Files.createDirectory(
          folder,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    } catch (FileAlreadyExistsException _) {
      if (!isOurs(folder)) {
        throw new IOException(
            folder + ": others can write there (expected: a folder of this user alone)");
      }
    }
  }

  /** Our user's number, or -1: not to be had. */
  private static int user() {
    try {
      return attribute(Path.of("/proc/self"), "unix:uid");
    } catch (IOException | UnsupportedOperationException | IllegalArgumentException _) {
      return -1;
    }
  }

  private static int attribute(Path path, String name) throws IOException {
    return Files.getAttribute(path, name, LinkOption.NOFOLLOW_LINKS) instanceof Integer value
        ? value
        : -1;
  }
}
