package dev.runnel.process;

/**
 * Somebody in a session.
 *
 * @param command for people, at most 256 characters
 * @param stage how far it has got
 */
record Member(int pid, String command, Stage stage) {
  enum Stage {
    RUNNING,
    /** Nothing of its program runs any more, but it may still hold files and ports. */
    LEAVING
  }

  boolean isLeaving() {
    return stage == Stage.LEAVING;
  }
}
