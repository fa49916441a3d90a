package dev.runnel.process;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.File;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What proc(5) says of processes. On the sweeper: with many processes it takes milliseconds. */
final class ProcFiles {
  private static final int MAX_BYTES = 4 * Excerpt.MAX_LENGTH;

  private ProcFiles() {}

  /**
   * By session, everybody in it but its leader, and but zombies.
   *
   * @throws LibcException if there is no descriptor left to look with: then nothing is known
   */
  static Map<Integer, List<Member>> members(Set<Integer> sessions) {
    Map<Integer, List<Member>> members = new HashMap<>();
    String[] names = new File("/proc").list();
    if (names == null) {
      throw new LibcException("open /proc", Errno.EMFILE);
    }
    for (String name : names) {
      int pid = pid(name);
      // The system call sorts out nearly all without opening a file.
      int session = pid > 0 ? Pid.session(pid) : 0;
      Member.Stage stage = pid != session && sessions.contains(session) ? stage(pid) : null;
      if (stage != null) {
        members.computeIfAbsent(session, _ -> new ArrayList<>()).add(member(pid, stage));
      }
    }
    return members;
  }

  private static int pid(String name) {
    return name.charAt(0) >= '1' && name.charAt(0) <= '9' ? Integer.parseInt(name) : 0;
  }

  /** Null if the process is gone, or nothing but a zombie. */
  private static Member.@Nullable Stage stage(int pid) {
    ThreadStat main = ThreadStat.of(text(pid, "stat"));
    if (main == null || main.isRunning()) {
      return main == null ? null : Member.Stage.RUNNING;
    }
    if (main.threads() <= 1) {
      return main.isDead() ? null : Member.Stage.LEAVING;
    }
    // Its first thread has ended before the others.
    Member.Stage stage = null;
    String[] threads = new File("/proc/" + pid + "/task").list();
    for (String thread : threads == null ? new String[0] : threads) {
      ThreadStat other = ThreadStat.of(text(pid, "task/" + thread + "/stat"));
      if (other != null && other.isRunning() && !other.isKilled()) {
        return Member.Stage.RUNNING;
      }
      stage = other == null || other.isDead() ? stage : Member.Stage.LEAVING;
    }
    return stage;
  }

  /** Shown by its arguments, or by its short name if it has none to show. */
  private static Member member(int pid, Member.Stage stage) {
    String arguments = text(pid, "cmdline").replace('\0', ' ').strip();
    String text = arguments.isEmpty() ? text(pid, "comm").strip() : arguments;
    return new Member(pid, Excerpt.of(text), stage);
  }

  /**
   * The file's beginning; nothing if the process is gone.
   *
   * @throws LibcException if there is no descriptor left to read it with
   */
  private static String text(int pid, String file) {
    int fd = Fd.open(("/proc/" + pid + "/" + file).getBytes(US_ASCII), Fd.O_RDONLY);
    if (fd == -Errno.ENOENT || fd == -Errno.ESRCH) {
      return "";
    }
    LibcException.check("open /proc", fd);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocate(MAX_BYTES);
      int count = Math.max(0, Fd.pread(fd, bytes, 0));
      return new String(bytes.asSlice(0, count).toArray(JAVA_BYTE), UTF_8);
    } finally {
      Fd.close(fd);
    }
  }
}
