package dev.runnel.files;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Where a user's daemon and clients find each other when no address is given. Both are to come to
 * the same place from what may differ between them: a login session has XDG_RUNTIME_DIR, while a
 * unit, a cron job or su has none, or one of another user's.
 */
public final class RuntimeDirectory {
  private static final String NAME = "runnel";
  private static final String SOCKET = "runneld.sock";
  private static final Path RUN = Path.of("/run");
  private static final int OTHERS_MAY_WRITE = 022;

  private RuntimeDirectory() {}

  /** The socket on which this user's daemon listens by default; nothing is made. */
  public static Path defaultSocket() {
    return defaultSocket(System.getenv());
  }

  /** The same in another environment. */
  public static Path defaultSocket(Map<String, String> env) {
    Path given = given(env);
    return socket(given != null && isUsable(given) ? given.resolve(NAME) : withoutGiven());
  }

  /**
   * The sockets on which this user's daemon may listen, the default first. More than that one only
   * where XDG_RUNTIME_DIR is missing, of no use or the system's own: one that was chosen is meant.
   */
  public static List<Path> possibleSockets(Map<String, String> env) {
    List<Path> sockets = new ArrayList<>();
    sockets.add(defaultSocket(env));
    Path given = given(env);
    if (given != null) {
      add(sockets, given.resolve(NAME));
    }
    Path ofSession = Path.of("/run/user", CurrentUser.number());
    if (given == null || given.equals(ofSession) || !isUsable(given)) {
      add(sockets, ofSession.resolve(NAME));
      add(sockets, RUN.resolve(NAME));
      add(sockets, inTmp());
    }
    return sockets;
  }

  private static void add(List<Path> sockets, Path folder) {
    Path socket = socket(folder);
    if (!sockets.contains(socket)) {
      sockets.add(socket);
    }
  }

  private static Path socket(Path folder) {
    return folder.resolve(SOCKET);
  }

  // A relative one is to be ignored, says the XDG base directory specification.
  private static @Nullable Path given(Map<String, String> env) {
    String given = env.get("XDG_RUNTIME_DIR");
    return given != null && given.startsWith("/") ? Path.of(given) : null;
  }

  private static Path withoutGiven() {
    return isUsable(RUN) ? RUN.resolve(NAME) : inTmp();
  }

  private static Path inTmp() {
    return Path.of("/tmp", NAME + "-" + CurrentUser.number());
  }

  /** Whether a folder of ours is in it, or can be made there. */
  private static boolean isUsable(Path folder) {
    try {
      Path ours = folder.resolve(NAME);
      if (Files.exists(ours, LinkOption.NOFOLLOW_LINKS)) {
        return CurrentUser.owns(ours);
      }
      Path existing = folder;
      while (existing != null && !Files.exists(existing)) {
        existing = existing.getParent();
      }
      // Root may write everywhere: what it made in a user's folder would be in that user's way.
      return existing != null
          && Files.isDirectory(existing)
          && Files.isWritable(existing)
          && (!CurrentUser.isRoot() || CurrentUser.owns(existing.toRealPath()));
    } catch (IOException _) {
      return false;
    }
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
    if (!CurrentUser.owns(folder) || !CurrentUser.owns(folder.toRealPath())) {
      throw new IOException(
          String.format(
              "%s belongs to %s (expected: the user with number %s); name another place with"
                  + " --listen unix:PATH",
              folder, Files.getOwner(folder).getName(), CurrentUser.number()));
    }
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
  }

  /** Whether nobody but this user and root can have put the socket where it is. */
  public static boolean isOurs(Path socket) {
    Path folder = socket.toAbsolutePath().getParent();
    try {
      return folder != null
          && CurrentUser.orRootOwns(folder)
          && CurrentUser.orRootOwns(folder.toRealPath())
          && Files.getAttribute(folder.toRealPath(), "unix:mode") instanceof Integer mode
          && (mode & OTHERS_MAY_WRITE) == 0;
    } catch (IOException _) {
      return false;
    }
  }
}
