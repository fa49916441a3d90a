package dev.runnel.process.tree;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.runnel.model.JvmSettings;
import dev.runnel.model.Signal;
import dev.runnel.process.proc.EnvironmentTag;
import dev.runnel.process.spawn.Environment;
import dev.runnel.process.spawn.ExecStrings;
import dev.runnel.process.spawn.PosixSpawn;
import dev.runnel.process.spawn.SessionLeaders;
import dev.runnel.process.sys.CString;
import dev.runnel.process.sys.EngineLog;
import dev.runnel.process.sys.Errno;
import dev.runnel.process.sys.Fd;
import dev.runnel.process.sys.LibcException;
import dev.runnel.process.sys.Pid;
import dev.runnel.process.sys.StartDescriptors;
import dev.runnel.process.sys.WaitId;
import java.io.File;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.stream.Collectors;

/**
 * A process of its own that ends our trees if we are killed. The engine's.
 *
 * <p>It is a {@code java} that is still reading its arguments, from a pipe: small, and asleep until
 * nobody holds the other end, by whatever cause. Only then it becomes a JVM, and runs {@link
 * WatchdogProgram}. Until then its arguments can be added to.
 */
public final class Watchdog {
  private static final String NAME = "runnel-watchdog";
  private static final byte[] ARGUMENTS = "@/proc/self/fd/0".getBytes(US_ASCII);
  private static final byte[] ROOT = "/".getBytes(US_ASCII);
  private static final byte[] NULL_DEVICE = "/dev/null".getBytes(US_ASCII);
  private static final int FIRST_OTHER = WatchdogProgram.LEADERS + 1;

  /** What an ordinary user may ask for. */
  private static final int PIPE_BYTES = 1 << 20;

  private static final String LIBRARIES = "LD_LIBRARY_PATH";

  private final EnvironmentTag mark;
  private final int leaders;
  private final int pid;
  private final int pidfd;
  private final int pipe;

  private Watchdog(EnvironmentTag mark, int leaders, int pid, int pidfd, int pipe) {
    this.mark = mark;
    this.leaders = leaders;
    this.pid = pid;
    this.pidfd = pidfd;
    this.pipe = pipe;
  }

  /**
   * Any thread; it takes a millisecond.
   *
   * @param leaders a descriptor of {@link SessionLeaders}, or of an empty file; the caller's
   * @param kept tags of runs of which what is left is to live on
   * @throws LibcException if there can't be one
   */
  public static Watchdog start(EnvironmentTag mark, int leaders, Collection<Long> kept) {
    try (StartDescriptors descriptors = new StartDescriptors()) {
      StartDescriptors.Pipe pipe = descriptors.pipe();
      int told = descriptors.neverBlocking(withRoom(pipe.writeEnd()));
      int pid = LibcException.check("posix_spawn", spawn(pipe.readEnd(), leaders));
      int pidfd = Pid.open(pid);
      Watchdog watchdog = new Watchdog(mark, leaders, pid, pidfd, told);
      if (pidfd < 0) {
        Pid.killGroup(pid, Signal.KILL.number());
        WaitId.awaitAndReap(pid);
        throw new LibcException("pidfd_open", -pidfd);
      }
      watchdog.tell(
          String.join("\n", program(mark))
              + "\n"
              + kept.stream().map(String::valueOf).collect(Collectors.joining("\n")));
      descriptors.release(told);
      return watchdog;
    }
  }

  /** The same pipe: what is ever told fits, whether or not anybody has begun to read. */
  private static int withRoom(int pipe) {
    var _ = Fd.fcntl(pipe, Fd.F_SETPIPE_SZ, PIPE_BYTES);
    return pipe;
  }

  private static int spawn(int stdin, int leaders) {
    byte[] java =
        Path.of(System.getProperty("java.home"), "bin", "java").toString().getBytes(UTF_8);
    try (Arena arena = Arena.ofConfined();
        PosixSpawn.FileActions actions = new PosixSpawn.FileActions();
        ExecStrings strings =
            new ExecStrings(List.of(NAME.getBytes(US_ASCII), ARGUMENTS), environment())) {
      // No JVM starts in a folder that is gone, as ours may be by then.
      actions.dup2(stdin, 0).open(ROOT, Fd.O_RDONLY, 1).changeDirectory(1);
      actions.open(NULL_DEVICE, Fd.O_RDWR, 1).dup2(1, 2);
      actions.dup2(leaders, WatchdogProgram.LEADERS).closeFrom(FIRST_OTHER);
      return PosixSpawn.spawn(CString.of(java, arena), actions, strings);
    }
  }

  /** Nothing of ours, least of all options for a JVM. */
  private static Environment.OfCommand environment() {
    String libraries = System.getenv(LIBRARIES);
    return Environment.of(
        libraries == null ? List.of() : List.of((LIBRARIES + '=' + libraries).getBytes(UTF_8)));
  }

  private static List<String> program(EnvironmentTag mark) {
    List<String> arguments = new ArrayList<>();
    arguments.addAll(JvmSettings.FLAGS);
    arguments.add("-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx64m");
    arguments.add("-XX:+SuppressFatalErrorMessage -XX:CompressedClassSpaceSize=32m");
    arguments.add("-XX:ReservedCodeCacheSize=24m -cp");
    arguments.add(quoted(classPath()));
    arguments.add(WatchdogProgram.class.getName());
    arguments.add(mark.life());
    return arguments;
  }

  /** It may start in another folder. */
  private static String classPath() {
    return Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
        .map(entry -> Path.of(entry).toAbsolutePath().toString())
        .collect(Collectors.joining(File.pathSeparator));
  }

  private static String quoted(String text) {
    return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
  }

  int pid() {
    return pid;
  }

  int pidfd() {
    return pidfd;
  }

  /** What the run of that tag left is to live on. */
  public void keep(long tag) {
    tell(Long.toString(tag));
  }

  /**
   * Another one that is told of these alone.
   *
   * @throws LibcException if there can't be one
   */
  Watchdog successor(Collection<Long> kept) {
    return start(mark, leaders, kept);
  }

  // It reads all the time: without room it hangs, and is not waited for.
  private void tell(String line) {
    byte[] bytes = (line + "\n").getBytes(UTF_8);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment rest = arena.allocate(bytes.length);
      rest.copyFrom(MemorySegment.ofArray(bytes));
      while (rest.byteSize() > 0) {
        int count = Fd.write(pipe, rest);
        if (count < 0 && count != -Errno.EINTR) {
          EngineLog.warn("watchdog not told: write: " + Errno.name(-count));
          return;
        }
        rest = rest.asSlice(Math.max(0, count));
      }
    }
  }

  /** Ends it, and reaps it. Any thread, once. */
  public void end() {
    // Before the pipe is closed, which would set it going.
    Pid.send(pidfd, Signal.KILL.number());
    WaitId.awaitAndReap(pid);
    Fd.close(pidfd);
    Fd.close(pipe);
  }
}
