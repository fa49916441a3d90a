package dev.runnel.files;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Files that hold a key or a token. Any thread; asking blocks. */
public final class SecretFiles {
  private static final int READABLE_BY_ALL = 0004;

  private SecretFiles() {}

  /**
   * Whether the file is ours and every user of this machine may read it; false: that is not known
   * either. Who gave us a file of their own, as a cluster's mounts are, had to let us read it.
   */
  public static boolean isOpen(Path file) {
    try {
      return Files.getAttribute(file, "unix:mode") instanceof Integer mode
          && (mode & READABLE_BY_ALL) != 0
          && CurrentUser.owns(file.toRealPath());
    } catch (IOException | UnsupportedOperationException | IllegalArgumentException _) {
      return false;
    }
  }

  /** What to say of one that is. */
  public static String warning(Path file) {
    return "warning: every user of this machine can read " + file + " (chmod 600 takes that away)";
  }
}
