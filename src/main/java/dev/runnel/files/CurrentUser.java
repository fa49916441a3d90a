package dev.runnel.files;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The user that this process runs as, by the number that the kernel has: a container's user need
 * not have a name, two names may have one number, and the environment may be another user's. Any
 * thread.
 */
public final class CurrentUser {
  private static final int ROOT = 0;
  private static final int UNKNOWN = -1;
  private static final String USER_LINE = "\nUid:\t";

  private static final int UID = read();

  private CurrentUser() {}

  // Not the owner of /proc/self: the link is root's, and so is what it points to where the java
  // program may be run but not read. proc(5)
  private static int read() {
    try {
      String status = Files.readString(Path.of("/proc/self/status"), ISO_8859_1);
      int at = status.indexOf(USER_LINE);
      String[] numbers = status.substring(at + USER_LINE.length()).split("\\s", 3);
      // Real and effective: files are made as the latter.
      return at < 0 ? UNKNOWN : Integer.parseUnsignedInt(numbers[1]);
    } catch (IOException _) {
      return UNKNOWN;
    }
  }

  /** Whether this is the user with number 0. */
  public static boolean isRoot() {
    return UID == ROOT;
  }

  /** Whether that number, unsigned, is this user's or root's. */
  static boolean isUsOrRoot(String number) {
    return number.equals("0") || (UID != UNKNOWN && number.equals(number()));
  }

  /** The number, or {@code unknown}: there is no /proc to tell. */
  public static String number() {
    return UID == UNKNOWN ? "unknown" : Integer.toUnsignedString(UID);
  }

  /**
   * The folder in which the user's files are: HOME, else what the system's accounts say; null: the
   * user has none. It need not exist.
   */
  public static @Nullable String home(Map<String, String> env) {
    String home = env.get("HOME");
    if (home == null || home.isEmpty()) {
      // getpwuid(3), as the JVM asked it.
      home = System.getProperty("user.home", "");
    }
    // A relative one would be another folder in each working directory; "?" is the JVM's for none.
    return home.startsWith("/") ? home : null;
  }

  /** Whether the file, or if it is a link the link itself, belongs to this user. */
  static boolean owns(Path path) throws IOException {
    return UID != UNKNOWN && owner(path) == UID;
  }

  /** The same, or to root. */
  static boolean orRootOwns(Path path) throws IOException {
    return owner(path) == ROOT || owns(path);
  }

  /** An unsigned number. */
  private static int owner(Path path) throws IOException {
    return Files.getAttribute(path, "unix:uid", LinkOption.NOFOLLOW_LINKS) instanceof Integer uid
        ? uid
        : UNKNOWN;
  }
}
