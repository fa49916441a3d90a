package dev.runnel.process.spawn;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.runnel.model.Argument;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.JobId;
import dev.runnel.model.Signal;
import dev.runnel.model.StartFailure;
import dev.runnel.model.StartFailure.At;
import dev.runnel.model.SystemText;
import dev.runnel.model.Terminal;
import dev.runnel.process.proc.EnvironmentTag;
import dev.runnel.process.sys.Errno;
import dev.runnel.process.sys.Fd;
import dev.runnel.process.sys.LibcException;
import dev.runnel.process.sys.Pid;
import dev.runnel.process.sys.StartDescriptors;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Makes processes. On a spawner thread: opening the working directory, looking for the executable
 * and the exec itself may each take as long as a file system likes.
 */
public final class ProcessFactory {
  private static final int STDOUT = 1;
  private static final int FIRST_FREE = 3;
  private static final Duration PIDFD_PATIENCE = Duration.ofSeconds(5);
  private static final Duration PIDFD_INTERVAL = Duration.ofMillis(1);
  private static final byte[] SELF = ".".getBytes(US_ASCII);

  private final Environment inherited;
  private final Environment ofOthers;
  private final int nullDevice;
  private final NofileLimit openFiles;
  private final EnvironmentTag mark;
  private final StartTags births;

  /**
   * @param nullDevice a descriptor of /dev/null; the caller's
   */
  public ProcessFactory(
      Environment inherited,
      int nullDevice,
      NofileLimit openFiles,
      EnvironmentTag mark,
      StartTags births) {
    this.births = births;
    this.inherited = inherited;
    this.ofOthers = inherited.ofOthers();
    this.nullDevice = nullDevice;
    this.openFiles = openFiles;
    this.mark = mark;
  }

  /** Returns when the child runs its executable; nothing stays open when there is no child. */
  public SpawnResult run(JobId job, CommandSpec command, BooleanSupplier claim) {
    StartTags.Birth birth = births.begin(System.nanoTime());
    SpawnResult result = null;
    try (StartDescriptors descriptors = new StartDescriptors()) {
      checkText(command);
      result = make(job, command, claim, new Making(descriptors, birth));
      return result;
    } catch (StartException e) {
      return new SpawnResult.Failed(e.failure());
    } catch (LibcException e) {
      String message = String.valueOf(e.getMessage());
      return new SpawnResult.Failed(new StartFailure(Errno.name(e.errno()), At.EXEC, message));
    } finally {
      if (!(result instanceof SpawnResult.Made)) {
        births.abandon(birth);
      }
    }
  }

  /** What belongs to one start. */
  private record Making(StartDescriptors descriptors, StartTags.Birth birth) {}

  private SpawnResult make(JobId job, CommandSpec command, BooleanSupplier claim, Making making)
      throws StartException {
    StartDescriptors descriptors = making.descriptors;
    List<byte[]> argv = command.argv().stream().map(Argument::bytes).toList();
    UserAccount account = command.user() == null ? null : UserAccount.of(command.user());
    // As with sshd and sudo: what this process was started with is not for everybody.
    Environment base = account == null || account.isOurs() ? inherited : ofOthers;
    Environment.OfCommand environment =
        base.with(job, variables(command, account), mark.entry(job, making.birth.tag()));
    int directory = account == null ? openDirectory(command.cwd(), descriptors) : Executable.UNSEEN;
    Executable executable = new Executable(argv.getFirst(), environment.path(), directory, claim);
    try (SpawnActions child = childSetup(command, account);
        ExecStrings strings = new ExecStrings(argv, environment)) {
      if (account == null && directory != Fd.AT_FDCWD) {
        child.changeDirectory(directory);
      }
      Pipes pipes = Pipes.open(command, nullDevice, descriptors, child);
      if (account != null && !account.isOurs()) {
        pipes.giveTo(account);
      }
      if (child instanceof SyscallProgram plan) {
        restrict(plan, command, account);
      }
      if (pipes.kind() == Pipes.Kind.TERMINAL) {
        // Room for the pidfd; of pipes, the child's ends are closed before it is opened.
        descriptors.add("fcntl", Fd.fcntl(nullDevice, Fd.F_DUPFD_CLOEXEC, FIRST_FREE));
      }
      int pid = executable.spawn(child, strings);
      return pid == Executable.VOID ? new SpawnResult.Voided() : running(pid, child, pipes, making);
    }
  }

  /** From here on there is a process: whatever happens, it was started. */
  private SpawnResult running(int pid, SpawnActions child, Pipes pipes, Making making) {
    making.birth.made(pid);
    StartDescriptors descriptors = making.descriptors;
    pipes.takenFrom(descriptors);
    String why;
    try {
      if (!(child instanceof SyscallProgram)) {
        openFiles.giveTo(pid);
      }
      descriptors.close();
      int pidfd = pidfd(pid);
      if (pidfd >= 0) {
        return new SpawnResult.Made(pid, pidfd, pipes, making.birth);
      }
      why = "pidfd_open: " + Errno.name(-pidfd);
    } catch (Throwable thrown) {
      why = thrown.toString();
    }
    Pid.killGroup(pid, Signal.KILL.number());
    pipes.close();
    return new SpawnResult.Lost(pid, why);
  }

  /**
   * Takes the room that the start's other descriptors had. Another thread may be quicker: the
   * process runs meanwhile, so that it is worth waiting for more.
   */
  private static int pidfd(int pid) throws InterruptedException {
    int pidfd = Pid.open(pid);
    long end = System.nanoTime() + PIDFD_PATIENCE.toNanos();
    while (isNoRoom(-pidfd) && System.nanoTime() - end < 0) {
      Thread.sleep(PIDFD_INTERVAL);
      pidfd = Pid.open(pid);
    }
    return pidfd;
  }

  private static boolean isNoRoom(int errno) {
    return errno == Errno.EMFILE || errno == Errno.ENFILE || errno == Errno.ENOMEM;
  }

  private static SpawnActions childSetup(CommandSpec command, @Nullable UserAccount account) {
    return account == null && command.limits().isEmpty()
        ? new PosixSpawn.FileActions()
        : new SyscallProgram();
  }

  /** Limits first, as only the daemon may raise them; then what the user may not do is over. */
  private void restrict(SyscallProgram plan, CommandSpec command, @Nullable UserAccount account) {
    openFiles.addTo(plan);
    for (Rlimit limit : Rlimit.values()) {
      limit.of(command.limits()).ifPresent(value -> limit.addTo(plan, value));
    }
    if (account == null) {
      return;
    }
    if (!account.isOurs()) {
      if (command.terminal() != null) {
        plan.giveTerminal(STDOUT, account);
      }
      plan.become(account);
    }
    if (command.cwd() != null) {
      plan.changeDirectory(command.cwd());
    }
  }

  /** What the command asked for, over what its user and a terminal bring with them. */
  private static Map<String, @Nullable String> variables(
      CommandSpec command, @Nullable UserAccount account) {
    Terminal terminal = command.terminal();
    if (terminal == null && account == null) {
      return command.env();
    }
    Map<String, @Nullable String> variables = new HashMap<>();
    if (account != null) {
      variables.putAll(account.variables());
    }
    if (terminal != null) {
      variables.put("TERM", terminal.term());
    }
    variables.putAll(command.env());
    return variables;
  }

  /**
   * Opened here, not by name in the child: posix_spawn does not tell which step failed, and the
   * child can then fail at nothing but its exec.
   */
  private static int openDirectory(@Nullable String cwd, StartDescriptors descriptors)
      throws StartException {
    if (cwd == null) {
      return Fd.AT_FDCWD;
    }
    int fd = Fd.open(SystemText.bytes(cwd), Fd.O_PATH | Fd.O_DIRECTORY);
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
