package dev.runnel.process;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.runnel.model.Argument;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.JobId;
import dev.runnel.model.Signal;
import dev.runnel.model.StartFailure;
import dev.runnel.model.StartFailure.At;
import dev.runnel.model.Terminal;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Makes processes. On a spawner thread: opening the working directory, looking for the executable
 * and the exec itself may each take as long as a file system likes.
 */
final class Spawn {
  private static final byte[] SELF = ".".getBytes(US_ASCII);

  private final Environment inherited;
  private final int nullDevice;
  private final OpenFiles openFiles;
  private final Mark mark;

  /**
   * @param nullDevice a descriptor of /dev/null; the caller's
   */
  Spawn(Environment inherited, int nullDevice, OpenFiles openFiles, Mark mark) {
    this.inherited = inherited;
    this.nullDevice = nullDevice;
    this.openFiles = openFiles;
    this.mark = mark;
  }

  /** Returns when the child runs its executable; nothing stays open when there is no child. */
  SpawnResult run(JobId job, CommandSpec command, BooleanSupplier claim) {
    try (Descriptors descriptors = new Descriptors()) {
      checkText(command);
      return make(job, command, claim, descriptors);
    } catch (StartException e) {
      return new SpawnResult.Failed(e.failure());
    } catch (LibcException e) {
      String message = String.valueOf(e.getMessage());
      return new SpawnResult.Failed(new StartFailure(Errno.name(e.errno()), At.EXEC, message));
    }
  }

  private SpawnResult make(
      JobId job, CommandSpec command, BooleanSupplier claim, Descriptors descriptors)
      throws StartException {
    List<byte[]> argv = command.argv().stream().map(Argument::bytes).toList();
    Environment.OfCommand environment = inherited.with(job, variables(command), mark);
    int directory = openDirectory(command.cwd(), descriptors);
    Executable executable = new Executable(argv.getFirst(), environment.path(), directory, claim);
    try (PosixSpawn.FileActions actions = new PosixSpawn.FileActions();
        ExecStrings strings = new ExecStrings(argv, environment)) {
      if (directory != Fd.AT_FDCWD) {
        actions.changeDirectory(directory);
      }
      Pipes pipes = Pipes.open(command, nullDevice, descriptors, actions);
      long begunNanos = System.nanoTime();
      int pid = executable.spawn(actions, strings);
      return pid == Executable.VOID
          ? new SpawnResult.Voided()
          : made(pid, pipes, begunNanos, descriptors);
    }
  }

  /** What the command asked for, over what a terminal brings with it. */
  private static Map<String, @Nullable String> variables(CommandSpec command) {
    Terminal terminal = command.terminal();
    if (terminal == null) {
      return command.env();
    }
    Map<String, @Nullable String> variables = new HashMap<>();
    variables.put("TERM", terminal.term());
    variables.putAll(command.env());
    return variables;
  }

  private SpawnResult made(int pid, Pipes pipes, long begunNanos, Descriptors descriptors) {
    openFiles.giveTo(pid);
    int pidfd = Pid.open(pid);
    if (pidfd < 0) {
      Pid.killGroup(pid, Signal.KILL.number());
      Wait.awaitAndReap(pid);
      throw new LibcException("pidfd_open", -pidfd);
    }
    return new SpawnResult.Made(pid, pidfd, pipes.takenFrom(descriptors), begunNanos);
  }

  /**
   * Opened here, not by name in the child: posix_spawn does not tell which step failed, and the
   * child can then fail at nothing but its exec.
   */
  private static int openDirectory(@Nullable String cwd, Descriptors descriptors)
      throws StartException {
    if (cwd == null) {
      return Fd.AT_FDCWD;
    }
    int fd = Fd.open(cwd.getBytes(UTF_8), Fd.O_PATH | Fd.O_DIRECTORY);
    if (fd >= 0) {
      descriptors.add("open", fd);
    }
    int error = fd < 0 ? fd : Fd.access(fd, SELF, Fd.X_OK);
    if (error < 0) {
      throw new StartException(-error, At.CWD, "cwd " + cwd);
    }
    return fd;
  }

  /** C strings would silently end at a NUL, and a name end at an equals sign. */
  private static void checkText(CommandSpec command) throws StartException {
    String cwd = command.cwd();
    if (cwd != null && cwd.indexOf('\0') >= 0) {
      throw new StartException(Errno.EINVAL, At.CWD, "cwd: NUL");
    }
    for (Map.Entry<String, @Nullable String> variable : command.env().entrySet()) {
      String name = variable.getKey();
      String value = variable.getValue();
      if (name.isEmpty() || name.indexOf('=') >= 0 || name.indexOf('\0') >= 0) {
        throw new StartException(Errno.EINVAL, At.EXEC, "env: name: " + name);
      }
      if (value != null && value.indexOf('\0') >= 0) {
        throw new StartException(Errno.EINVAL, At.EXEC, "env: NUL in " + name);
      }
    }
  }
}
