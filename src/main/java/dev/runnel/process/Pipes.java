package dev.runnel.process;

import dev.runnel.model.CommandSpec;

/**
 * Our ends of a process's pipes, not blocking; or {@link #NONE}.
 *
 * @param stdin written
 * @param stdout read
 * @param stderr read
 */
record Pipes(int stdin, int stdout, int stderr) {
  static final int NONE = -1;

  private static final int FIRST_OTHER = 3;

  /**
   * Makes those that the command asks for. The child gets its ends as 0, 1 and 2, and nothing else.
   *
   * @param nullDevice a descriptor of /dev/null, for what has no pipe
   */
  static Pipes open(
      CommandSpec command, int nullDevice, Descriptors descriptors, PosixSpawn.FileActions child) {
    int stdin = NONE;
    int childStdin = nullDevice;
    if (command.stdin() == CommandSpec.Stdin.PIPE) {
      Descriptors.Pipe pipe = descriptors.pipe();
      stdin = descriptors.neverBlocking(pipe.writeEnd());
      childStdin = pipe.readEnd();
    }
    Descriptors.Pipe output = descriptors.pipe();
    int stdout = descriptors.neverBlocking(output.readEnd());
    int stderr = NONE;
    int childStderr = output.writeEnd();
    if (command.stderr() == CommandSpec.Stderr.SEPARATE) {
      Descriptors.Pipe errors = descriptors.pipe();
      stderr = descriptors.neverBlocking(errors.readEnd());
      childStderr = errors.writeEnd();
    }
    child.dup2(childStdin, 0).dup2(output.writeEnd(), 1).dup2(childStderr, 2);
    child.closeFrom(FIRST_OTHER);
    return new Pipes(stdin, stdout, stderr);
  }

  /** From now on they are the caller's to close. */
  Pipes takenFrom(Descriptors descriptors) {
    for (int fd : new int[] {stdin, stdout, stderr}) {
      if (fd != NONE) {
        descriptors.release(fd);
      }
    }
    return this;
  }

  void close() {
    for (int fd : new int[] {stdin, stdout, stderr}) {
      if (fd != NONE) {
        Fd.close(fd);
      }
    }
  }
}
