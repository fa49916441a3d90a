package dev.runnel.process.spawn;

import dev.runnel.model.CommandSpec;
import dev.runnel.model.Terminal;
import dev.runnel.process.sys.Fd;
import dev.runnel.process.sys.LibcException;
import dev.runnel.process.sys.PseudoTerminal;
import dev.runnel.process.sys.StartDescriptors;

/**
 * Our ends of a process's pipes, not blocking; or {@link #NONE}. On a terminal all are descriptors
 * of its master.
 *
 * @param stdin written
 * @param stdout read
 * @param stderr read
 * @param hold neither: keeps a terminal from hanging up on a process that has closed it
 */
public record Pipes(Kind kind, int stdin, int stdout, int stderr, int hold) {
  public static final int NONE = -1;

  private static final int FIRST_OTHER = 3;

  /** What the process has. */
  public enum Kind {
    PIPES,
    TERMINAL
  }

  /**
   * Makes those that the command asks for. The child gets its ends as 0, 1 and 2, and nothing else.
   *
   * @param nullDevice a descriptor of /dev/null, for what has no pipe
   */
  static Pipes open(
      CommandSpec command, int nullDevice, StartDescriptors descriptors, SpawnActions child) {
    if (command.terminal() != null) {
      return onTerminal(command, command.terminal(), nullDevice, descriptors, child);
    }
    int stdin = NONE;
    int childStdin = nullDevice;
    if (command.stdin() == CommandSpec.Stdin.PIPE) {
      StartDescriptors.Pipe pipe = descriptors.pipe();
      stdin = descriptors.neverBlocking(pipe.writeEnd());
      childStdin = pipe.readEnd();
    }
    StartDescriptors.Pipe output = descriptors.pipe();
    int stdout = descriptors.neverBlocking(output.readEnd());
    int stderr = NONE;
    int childStderr = output.writeEnd();
    if (command.stderr() == CommandSpec.Stderr.SEPARATE) {
      StartDescriptors.Pipe errors = descriptors.pipe();
      stderr = descriptors.neverBlocking(errors.readEnd());
      childStderr = errors.writeEnd();
    }
    child.dup2(childStdin, 0).dup2(output.writeEnd(), 1).dup2(childStderr, 2);
    child.closeFrom(FIRST_OTHER);
    return new Pipes(Kind.PIPES, stdin, stdout, stderr, NONE);
  }

  // The slave is opened by the child, first of all: what a leader of a session without a terminal
  // opens becomes its controlling terminal.
  private static Pipes onTerminal(
      CommandSpec command,
      Terminal terminal,
      int nullDevice,
      StartDescriptors descriptors,
      SpawnActions child) {
    int master = descriptors.add("posix_openpt", PseudoTerminal.open());
    byte[] slave = PseudoTerminal.unlock(master);
    LibcException.check("ioctl", PseudoTerminal.resize(master, terminal.size()));
    LibcException.check("ioctl", PseudoTerminal.set(master, terminal.modes()));
    descriptors.neverBlocking(master);
    child.open(slave, Fd.O_RDWR, 0).dup2(0, 1).dup2(0, 2);
    int stdin = NONE;
    if (command.stdin() == CommandSpec.Stdin.PIPE) {
      stdin = descriptors.add("fcntl", Fd.fcntl(master, Fd.F_DUPFD_CLOEXEC, FIRST_OTHER));
    } else {
      child.dup2(nullDevice, 0);
    }
    child.closeFrom(FIRST_OTHER);
    int hold = descriptors.add("fcntl", Fd.fcntl(master, Fd.F_DUPFD_CLOEXEC, FIRST_OTHER));
    return new Pipes(Kind.TERMINAL, stdin, master, NONE, hold);
  }

  /**
   * Pipes become that user's, at both ends, as opening /dev/stdout anew asks for its rights. A
   * daemon that may not give files away leaves them as they are: all but such opening works. A
   * terminal is given by the child, which alone has opened it.
   */
  void giveTo(UserAccount account) {
    if (kind != Kind.PIPES) {
      return;
    }
    for (int fd : new int[] {stdin, stdout, stderr}) {
      if (fd != NONE) {
        var _ = Fd.giveTo(fd, account.uid());
      }
    }
  }

  /** From now on they are the caller's to close. */
  Pipes takenFrom(StartDescriptors descriptors) {
    for (int fd : new int[] {stdin, stdout, stderr, hold}) {
      if (fd != NONE) {
        descriptors.release(fd);
      }
    }
    return this;
  }

  void close() {
    for (int fd : new int[] {stdin, stdout, stderr, hold}) {
      if (fd != NONE) {
        Fd.close(fd);
      }
    }
  }
}
