package dev.runnel.process.spawn;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.runnel.process.sys.Errno;
import java.util.ArrayList;
import java.util.List;

/** Where an executable may be found, as execvp(3) looks for it. */
public final class SearchPath {
  private SearchPath() {}

  /**
   * The paths to try, in order: the name itself if it has a slash, else one for each entry of PATH.
   * An empty entry stands for the working directory, and relative ones begin there.
   */
  public static List<byte[]> candidates(byte[] name, byte[] path) {
    // One character for each byte.
    String wanted = new String(name, ISO_8859_1);
    if (wanted.isEmpty() || wanted.indexOf('/') >= 0) {
      return List.of(name);
    }
    List<byte[]> candidates = new ArrayList<>();
    for (String entry : new String(path, ISO_8859_1).split(":", -1)) {
      candidates.add(((entry.isEmpty() ? "." : entry) + "/" + wanted).getBytes(ISO_8859_1));
    }
    return candidates;
  }

  /** Whether the search goes on after this error, as execvp(3) has it. */
  static boolean isPassed(int errno) {
    return switch (errno) {
      case Errno.ENOENT, Errno.ENOTDIR, Errno.EACCES, Errno.ESTALE, Errno.ENODEV, Errno.ETIMEDOUT ->
          true;
      default -> false;
    };
  }
}
