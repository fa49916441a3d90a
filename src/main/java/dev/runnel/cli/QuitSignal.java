package dev.runnel.cli;

import java.io.File;

/**
 * SIGQUIT, which the JVM keeps to itself: it would write a thread dump. A small library has it
 * raise another signal instead, that nobody sends to a client: docs/decisions/0022. Any thread.
 */
final class QuitSignal {
  static final String NAME = "QUIT";

  /** By which we are told; ignored by whoever does not know of it. */
  private static final String RAISED = "URG";

  private static final boolean CAUGHT = isLoaded();

  private QuitSignal() {}

  /** The signal to handle in its place; itself if it can't be caught here. */
  static String raised() {
    return CAUGHT ? RAISED : NAME;
  }

  // By foreign functions it would take 60 ms.
  @SuppressWarnings("restricted")
  private static boolean isLoaded() {
    // Named by the launcher, which also allows us to load it.
    String folder = System.getProperty("runnel.native");
    if (folder == null) {
      return false;
    }
    try {
      String name = "quit-" + System.getProperty("os.arch") + ".so";
      System.load(folder + File.separator + name);
      return true;
    } catch (UnsatisfiedLinkError _) {
      // Another system, or a file system without programs: the dump goes to stderr.
      return false;
    }
  }
}
