package dev.runnel.process.proc;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.runnel.process.sys.CommandExcerpt;
import dev.runnel.process.sys.Errno;
import dev.runnel.process.sys.Fd;
import dev.runnel.process.sys.LibcException;
import java.io.File;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What proc(5) says of processes. Any thread may ask for a {@link #stat}; the rest is for the
 * sweeper, as a process that hangs in the kernel may make the reader of its arguments hang, too.
 */
public final class ProcFiles {
  private static final int MAX_BYTES = 4 * CommandExcerpt.MAX_LENGTH;

  private ProcFiles() {}

  /**
   * Everybody, in the order of numbers.
   *
   * @throws LibcException if there is no descriptor left to look with: then nothing is known
   */
  static int[] pids() {
    String[] names = new File("/proc").list();
    if (names == null) {
      throw new LibcException("open /proc", Errno.EMFILE);
    }
    return Arrays.stream(names)
        .filter(name -> name.charAt(0) >= '1' && name.charAt(0) <= '9')
        .mapToInt(Integer::parseInt)
        .sorted()
        .toArray();
  }

  /** Null if the process is gone. */
  public static @Nullable ProcStat stat(int pid) {
    return ProcStat.of(text(pid, "stat"));
  }

  /** When it started, as in {@link ProcStat}; negative if it is gone. */
  public static long started(int pid) {
    ProcStat stat = stat(pid);
    return stat == null ? -1 : stat.started();
  }

  /** Null if the process is gone, or nothing but a zombie. */
  static TreeProcess.@Nullable Stage stage(int pid, ProcStat main) {
    if (main.isRunning()) {
      return TreeProcess.Stage.RUNNING;
    }
    if (main.threads() <= 1) {
      return main.isDead() ? null : TreeProcess.Stage.LEAVING;
    }
    // Its first thread has ended before the others.
    TreeProcess.Stage stage = null;
    String[] threads = new File("/proc/" + pid + "/task").list();
    for (String thread : threads == null ? new String[0] : threads) {
      ProcStat other = ProcStat.of(text(pid, "task/" + thread + "/stat"));
      if (other != null && other.isRunning() && !other.isKilled()) {
        return TreeProcess.Stage.RUNNING;
      }
      stage = other == null || other.isDead() ? stage : TreeProcess.Stage.LEAVING;
    }
    return stage;
  }

  /** Its arguments, or its short name if it has none to show. */
  static String command(int pid) {
    String arguments = text(pid, "cmdline").replace('\0', ' ').strip();
    return CommandExcerpt.of(arguments.isEmpty() ? text(pid, "comm").strip() : arguments);
  }

  /**
   * The file's beginning; nothing if the process is gone, or hidden from us as another user's.
   *
   * @throws LibcException if there is no descriptor left to read it with
   */
  private static String text(int pid, String file) {
    int fd = open(pid, file);
    if (fd < 0) {
      return "";
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocate(MAX_BYTES);
      int count = Math.max(0, Fd.pread(fd, bytes, 0));
      return new String(bytes.asSlice(0, count).toArray(JAVA_BYTE), UTF_8);
    } finally {
      Fd.close(fd);
    }
  }

  /**
   * A descriptor, or errno negated: the process is gone, or is none of ours to look at.
   *
   * @throws LibcException if there is no descriptor left
   */
  static int open(int pid, String file) {
    int fd = Fd.open(("/proc/" + pid + "/" + file).getBytes(US_ASCII), Fd.O_RDONLY);
    return fd == -Errno.EMFILE || fd == -Errno.ENFILE || fd == -Errno.ENOMEM
        ? LibcException.check("open /proc", fd)
        : fd;
  }
}
