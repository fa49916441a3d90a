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

/** What proc(5) says of processes. On the sweeper: with many processes it takes milliseconds. */
final class ProcFiles {
  private static final int MAX_BYTES = 4 * Excerpt.MAX_LENGTH;

  // Of proc_pid_stat(5), counted from the state on.
  private static final int STAT_STATE = 0;
  private static final int STAT_FLAGS = 6;

  /** Set as the first thing in do_exit, before descriptors are closed. */
  private static final long PF_EXITING = 0x4;

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
      if (pid != session && sessions.contains(session) && isAlive(pid)) {
        members.computeIfAbsent(session, _ -> new ArrayList<>()).add(member(pid));
      }
    }
    return members;
  }

  private static int pid(String name) {
    return name.charAt(0) >= '1' && name.charAt(0) <= '9' ? Integer.parseInt(name) : 0;
  }

  // A process on its way out has closed its pipes already and needs no ending: nothing of its program
  // runs any more.
  private static boolean isAlive(int pid) {
    String stat = text(pid, "stat");
    // The name before it may hold anything, parentheses too.
    int end = stat.lastIndexOf(')');
    String[] fields = end < 0 ? new String[0] : stat.substring(end + 1).strip().split(" ", -1);
    return fields.length > STAT_FLAGS
        && !fields[STAT_STATE].equals("Z")
        && !fields[STAT_STATE].equals("X")
        && (Long.parseLong(fields[STAT_FLAGS]) & PF_EXITING) == 0;
  }

  /** Shown by its arguments, or by its short name if it has none to show. */
  private static Member member(int pid) {
    String arguments = text(pid, "cmdline").replace('\0', ' ').strip();
    return new Member(pid, Excerpt.of(arguments.isEmpty() ? text(pid, "comm").strip() : arguments));
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
