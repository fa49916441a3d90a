package dev.runnel.process.proc;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.runnel.model.JobId;
import dev.runnel.process.sys.Errno;
import dev.runnel.process.sys.Fd;
import java.io.File;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.security.SecureRandom;

/**
 * A variable in the environment of every command, which says whose it is: descendants have it from
 * their parents, also where they left the session and lost the parents. It names this life of the
 * engine, the run's tag as 16 hexadecimal digits, then the job. Nobody can guess it who has not
 * seen it: the life's name ends in 128 random bits, and the tag is random, too.
 *
 * @param life names this life of the engine
 */
public record EnvironmentTag(String life) {
  public static final String NAME = "RUNNEL_MARK";

  private static final int BUFFER_BYTES = 64 * 1024;
  private static final int TAG_DIGITS = 16;

  private static final Found NOTHING = new Found(ProcessTable.UNREADABLE, -1);

  /** The file is not ours to read. */
  private static final Found DENIED = new Found(ProcessTable.UNREADABLE, -2);

  /** Linux gives arguments and environment 6 MiB together. */
  private static final long MAX_BYTES = 8 << 20;

  /** What was read, and how much of it there was. */
  private record Found(long tag, long bytes) {}

  /**
   * A new one.
   *
   * @param boot what others know this life by
   */
  public static EnvironmentTag of(String boot) {
    SecureRandom random = new SecureRandom();
    return new EnvironmentTag(
        "%s/%016x%016x".formatted(boot, random.nextLong(), random.nextLong()));
  }

  /** The whole entry for a command of that run. */
  public byte[] entry(JobId job, long tag) {
    return "%s%016x/%s".formatted(prefix(), tag, job).getBytes(US_ASCII);
  }

  private String prefix() {
    return NAME + '=' + life + '/';
  }

  /** As {@link ProcessTable#tag} says. */
  public long of(int pid) {
    long tag = ofThread(pid, pid);
    // Where the first thread has ended before the others, it has no environment any more.
    String[] threads =
        tag == ProcessTable.UNREADABLE ? new File("/proc/" + pid + "/task").list() : null;
    for (String thread : threads == null ? new String[0] : threads) {
      if (tag == ProcessTable.UNREADABLE) {
        tag = ofThread(pid, Integer.parseInt(thread));
      }
    }
    return tag;
  }

  /**
   * That it has none of ours is believed only where all of it was read, of one and the same
   * program: in an exec it has nothing or a part, and nothing from the moment in which it exits.
   */
  private long ofThread(int pid, int thread) {
    ProcStat before = ProcFiles.stat(thread);
    if (before == null || before.isDead()) {
      return ProcessTable.UNREADABLE;
    }
    Found found = read(pid, pid == thread ? "environ" : "task/" + thread + "/environ");
    if (found.tag > ProcessTable.NO_TAG) {
      return found.tag;
    }
    ProcStat after = ProcFiles.stat(thread);
    boolean isSure =
        after != null
            && (found.equals(DENIED)
                // Another user's, such as a setuid program's; root's, too, are those that exit.
                ? after.isRunning()
                : before.hasSameProgram(after) && found.bytes == after.environmentBytes());
    return isSure ? ProcessTable.NO_TAG : ProcessTable.UNREADABLE;
  }

  private Found read(int pid, String file) {
    int fd = ProcFiles.open(pid, file);
    if (fd < 0) {
      return fd == -Errno.EACCES || fd == -Errno.EPERM ? DENIED : NOTHING;
    }
    try (Arena arena = Arena.ofConfined()) {
      return find(fd, arena.allocate(BUFFER_BYTES));
    } finally {
      Fd.close(fd);
    }
  }

  private Found find(int fd, MemorySegment buffer) {
    String wanted = '\0' + prefix();
    // An entry may begin in one piece and end in the next.
    int overlap = wanted.length() + TAG_DIGITS;
    String text = "\0";
    long offset = 0;
    int count = Fd.pread(fd, buffer, offset);
    while (count > 0 && offset < MAX_BYTES) {
      offset += count;
      text += new String(buffer.asSlice(0, count).toArray(JAVA_BYTE), ISO_8859_1);
      int start = text.indexOf(wanted);
      int end = start + wanted.length() + TAG_DIGITS;
      if (start >= 0 && end <= text.length()) {
        return new Found(tag(text.substring(end - TAG_DIGITS, end)), offset);
      }
      text = text.substring(Math.max(0, text.length() - overlap));
      count = Fd.pread(fd, buffer, offset);
    }
    return new Found(ProcessTable.NO_TAG, offset);
  }

  private static long tag(String digits) {
    try {
      return Math.max(ProcessTable.NO_TAG, Long.parseLong(digits, TAG_DIGITS));
    } catch (NumberFormatException forged) {
      return ProcessTable.NO_TAG;
    }
  }
}
