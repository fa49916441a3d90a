package dev.runnel.process.proc;

/**
 * Somebody in a session's tree.
 *
 * @param started when, as in {@link ProcStat}
 * @param command for people, at most 256 characters; empty for most of a crowd
 * @param stage how far it has got
 */
public record TreeProcess(int pid, long started, String command, Stage stage) {
  public enum Stage {
    RUNNING,
    /** Stopped, and not to be killed yet: others of its tree still make more. */
    STOPPED,
    /** Nothing of its program runs any more, but it may still hold files and ports. */
    LEAVING,
    /** Not known to be a member: it may be one, and gets no signal. */
    UNIDENTIFIED
  }

  public TreeProcess stopped() {
    return new TreeProcess(pid, started, command, Stage.STOPPED);
  }

  public boolean isStopped() {
    return stage == Stage.STOPPED;
  }

  public boolean isLeaving() {
    return stage == Stage.LEAVING;
  }

  public boolean isIdentified() {
    return stage != Stage.UNIDENTIFIED;
  }
}
