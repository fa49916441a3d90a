package dev.runnel.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** What this process was given to read from and to write to. Any thread. */
public final class StandardStreams {
  private StandardStreams() {}

  /** Whether somebody sits there: 0 is stdin, 1 stdout. */
  public static boolean isTerminal(int descriptor) {
    return terminal(descriptor) != null;
  }

  /** Whether both are one terminal. */
  static boolean isSameTerminal(int descriptor, int other) {
    String terminal = terminal(descriptor);
    return terminal != null && terminal.equals(terminal(other));
  }

  private static @Nullable String terminal(int descriptor) {
    try {
      String target = Files.readSymbolicLink(Path.of("/proc/self/fd/" + descriptor)).toString();
      return target.startsWith("/dev/pts/") || target.startsWith("/dev/tty") ? target : null;
    } catch (IOException _) {
      return null;
    }
  }
}
