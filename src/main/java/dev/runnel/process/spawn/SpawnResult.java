package dev.runnel.process.spawn;

import dev.runnel.model.Signal;
import dev.runnel.model.StartFailure;
import dev.runnel.process.sys.Fd;
import dev.runnel.process.sys.Pid;

/** What became of a start. */
public sealed interface SpawnResult {
  /**
   * It runs, and nobody else knows of it: whoever has this must look after the child and the
   * descriptors.
   *
   * @param pidfd for the child
   * @param birth ends when its session is known, or when it is reaped
   */
  record Made(int pid, int pidfd, Pipes pipes, StartTags.Birth birth) implements SpawnResult {
    /** Kills it and closes what is ours. The child is still to be reaped. */
    public void kill() {
      Pid.killGroup(pid, Signal.KILL.number());
      Fd.close(pidfd);
      pipes.close();
    }
  }

  /** It has run, but can't be watched: it was killed. It is still to be reaped. */
  record Lost(int pid, String why) implements SpawnResult {}

  /** The operating system said no. */
  record Failed(StartFailure failure) implements SpawnResult {}

  /** The claim was gone. */
  record Voided() implements SpawnResult {}
}
