package dev.runnel.wire;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;

/** Where a user's daemon and clients find each other when nobody names a host. */
public final class RuntimeFolder {
  private static final int ROOT = 0;
  private static final int OTHERS_MAY_WRITE = 022;
  private static final String USER_LINE = "\nUid:\t";

  private RuntimeFolder() {}

  /** The socket of this user's own daemon; nothing is made. */
  public static Path defaultSocket() {
    return defaultSocket(System.getenv());
  }

  /** The same in another environment. */
  public static Path defaultSocket(Map<String, String> env) {
    return folder(env).resolve("runneld.sock");
  }

  private static Path folder(Map<String, String> env) {
    String given = env.get("XDG_RUNTIME_DIR");
    if (given != null && given.startsWith("/")) {
      return Path.of(given, "runnel");
    }
    Path run = Path.of("/run");
    return Files.isWritable(run) ? run.resolve("runnel") : Path.of("/tmp", "runnel-" + userName());
  }

  // In a container the user need not have a name.
  private static String userName() {
    String name = System.getProperty("user.name", "?");
    return name.equals("?") ? "" + user() : name;
  }

  /**
   * Makes the folder that the socket is in, for its owner alone, if it is not there.
   *
   * @throws IOException if it can't be made, or is another's, who could put theirs in its place
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
    if (owner(folder) != user() || owner(folder.toRealPath()) != user()) {
      throw new IOException(folder + " belongs to " + Files.getOwner(folder).getName());
    }
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
  }

  /** Whether nobody but this user and root can have put the socket where it is. */
  public static boolean isOurs(Path socket) {
    Path folder = socket.toAbsolutePath().getParent();
    try {
      return folder != null
          && isOfUsOrRoot(folder)
          && isOfUsOrRoot(folder.toRealPath())
          && (attribute(folder.toRealPath(), "unix:mode") & OTHERS_MAY_WRITE) == 0;
    } catch (IOException _) {
      return false;
    }
  }

  private static boolean isOfUsOrRoot(Path path) throws IOException {
    int owner = owner(path);
    return owner == ROOT || owner == user();
  }

  /**
   * Our user's number, or -1: there is no /proc to tell. Not the owner of /proc/self: the link is
   * root's, and so is what it points to where the java program may be run but not read. proc(5).
   */
  private static int user() {
    try {
      String status = Files.readString(Path.of("/proc/self/status"), ISO_8859_1);
      int at = status.indexOf(USER_LINE);
      String[] numbers = status.substring(at + USER_LINE.length()).split("\\s", 3);
      // Real and effective: files are made as the latter.
      return at < 0 ? -1 : Integer.parseUnsignedInt(numbers[1]);
    } catch (IOException _) {
      return -1;
    }
  }

  /** Of a link: of itself, not of what it points to. */
  private static int owner(Path path) throws IOException {
    return attribute(path, "unix:uid");
  }

  private static int attribute(Path path, String name) throws IOException {
    return Files.getAttribute(path, name, LinkOption.NOFOLLOW_LINKS) instanceof Integer value
        ? value
        : -1;
  }
}
