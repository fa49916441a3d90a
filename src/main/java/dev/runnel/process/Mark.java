package dev.runnel.process;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.runnel.model.JobId;
import java.io.File;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A variable in the environment of every command, which says whose it is: descendants have it from
 * their parents, also where they left the session and lost the parents. It names this life of the
 * engine, the run's tag as 16 hexadecimal digits, then the job.
 */
record Mark(String boot) {
  static final String NAME = "RUNNEL_MARK";

  private static final int BUFFER_BYTES = 64 * 1024;
  private static final int TAG_DIGITS = 16;

  /** Linux gives arguments and environment 6 MiB together. */
  private static final long MAX_BYTES = 8 << 20;

  /** The whole entry for a command of that run. */
  byte[] entry(JobId job, long tag) {
    return "%s%016x/%s".formatted(prefix(), tag, job).getBytes(US_ASCII);
  }

  private String prefix() {
    return NAME + '=' + boot + '/';
  }

  /** As {@link ProcessTable#tag} says. */
  long of(int pid) {
    ThreadStat before = ProcFiles.stat(pid);
    if (before != null && before.isDead()) {
      // Its first thread is, whose file is root's then.
      return ofAnyThread(pid);
    }
    long tag = read(pid, "environ");
    if (tag != ProcessTable.UNREADABLE || before == null) {
      return tag;
    }
    if (before.threads() > 1) {
      return ofAnyThread(pid);
    }
    // Empty, unless that was the moment of an exec.
    ThreadStat after = ProcFiles.stat(pid);
    boolean isEmpty =
        before.environmentEnd() != 0
            && after != null
            && after.environmentEnd() == before.environmentEnd();
    return isEmpty ? ProcessTable.NO_TAG : tag;
  }

  /** Where the first thread has ended before the others, it has no environment any more. */
  private long ofAnyThread(int pid) {
    String[] threads = new File("/proc/" + pid + "/task").list();
    for (String thread : threads == null ? new String[0] : threads) {
      boolean isFirst = thread.equals(Integer.toString(pid));
      long tag = isFirst ? ProcessTable.UNREADABLE : read(pid, "task/" + thread + "/environ");
      if (tag != ProcessTable.UNREADABLE) {
        return tag;
      }
    }
    return ProcessTable.UNREADABLE;
  }

  private long read(int pid, String file) {
    int fd = ProcFiles.open(pid, file);
    if (fd == -Errno.EACCES || fd == -Errno.EPERM) {
      // Another user's, such as a setuid program's.
      return ProcessTable.NO_TAG;
    }
    if (fd < 0) {
      return ProcessTable.UNREADABLE;
    }
    try (Arena arena = Arena.ofConfined()) {
      return find(fd, arena.allocate(BUFFER_BYTES));
    } finally {
      Fd.close(fd);
    }
  }

  private long find(int fd, MemorySegment buffer) {
    String wanted = '\0' + prefix();
    // An entry may begin in one piece and end in the next.
    int overlap = wanted.length() + TAG_DIGITS;
    String text = "\0";
    long offset = 0;
    int count = Fd.pread(fd, buffer, offset);
    if (count <= 0) {
      return ProcessTable.UNREADABLE;
    }
    while (count > 0 && offset < MAX_BYTES) {
      offset += count;
      text += new String(buffer.asSlice(0, count).toArray(JAVA_BYTE), ISO_8859_1);
      int start = text.indexOf(wanted);
      int end = start + wanted.length() + TAG_DIGITS;
      if (start >= 0 && end <= text.length()) {
        return tag(text.substring(end - TAG_DIGITS, end));
      }
      text = text.substring(Math.max(0, text.length() - overlap));
      count = Fd.pread(fd, buffer, offset);
    }
    return ProcessTable.NO_TAG;
  }

  private static long tag(String digits) {
    try {
      return Math.max(ProcessTable.NO_TAG, Long.parseLong(digits, TAG_DIGITS));
    } catch (NumberFormatException forged) {
      return ProcessTable.NO_TAG;
    }
  }
}
