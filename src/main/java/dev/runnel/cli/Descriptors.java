package dev.runnel.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What this process was given to read from and to write to. Any thread. */
public final class Descriptors {
  private Descriptors() {}

  /** Whether somebody sits there: 0 is stdin, 1 stdout. */
  public static boolean isTerminal(int descriptor) {
    try {
      String target = Files.readSymbolicLink(Path.of("/proc/self/fd/" + descriptor)).toString();
      return target.startsWith("/dev/pts/") || target.startsWith("/dev/tty");
    } catch (IOException _) {
      return false;
    }
  }
}
