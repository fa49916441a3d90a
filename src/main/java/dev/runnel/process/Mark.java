package dev.runnel.process;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.runnel.model.JobId;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A variable in the environment of every command, which says whose it is: descendants have it from
 * their parents, also where they left the session and lost the parents. It names this life of the
 * engine, then the job.
 */
record Mark(String boot) {
  static final String NAME = "RUNNEL_MARK";

  /** As a process's environment can't be told from none while it executes a program. */
  static final String NONE = "";

  private static final int BUFFER_BYTES = 64 * 1024;

  /** Linux gives arguments and environment 6 MiB together. */
  private static final long MAX_BYTES = 8 << 20;

  private static final int MAX_JOB_LENGTH = 64;

  /** The whole entry for a command of that job. */
  byte[] entry(JobId job) {
    return (prefix() + job).getBytes(US_ASCII);
  }

  private String prefix() {
    return NAME + '=' + boot + '/';
  }

  /**
   * The job that a process is of, by the environment that it was started with; {@link #NONE}: by
   * that it is of no job of this engine. Null: it has no environment, or none that can be read. On
   * the sweeper.
   */
  @Nullable String of(int pid) {
    int fd = ProcFiles.open(pid, "environ");
    if (fd < 0) {
      return null;
    }
    try (Arena arena = Arena.ofConfined()) {
      return find(fd, arena.allocate(BUFFER_BYTES));
    } finally {
      Fd.close(fd);
    }
  }

  private @Nullable String find(int fd, MemorySegment buffer) {
    String wanted = '\0' + prefix();
    // An entry may begin in one piece and end in the next.
    int overlap = wanted.length() + MAX_JOB_LENGTH;
    String text = "\0";
    long offset = 0;
    int count = Fd.pread(fd, buffer, offset);
    if (count <= 0) {
      return null;
    }
    while (count > 0 && offset < MAX_BYTES) {
      offset += count;
      text += new String(buffer.asSlice(0, count).toArray(JAVA_BYTE), ISO_8859_1);
      int start = text.indexOf(wanted);
      int end = start < 0 ? -1 : text.indexOf('\0', start + wanted.length());
      if (end >= 0) {
        return text.substring(start + wanted.length(), end);
      }
      text = text.substring(Math.max(0, text.length() - overlap));
      count = Fd.pread(fd, buffer, offset);
    }
    return NONE;
  }
}
