package dev.runnel.process.sys;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How many processes of our control group, which our commands share, the kernel has killed for want
 * of memory. The count tells how many, not which: so each is given to one process only, that KILL
 * ended while the count rose. An engine has one.
 */
public final class OomKillCounter {
  /** A count that can't be had. */
  static final long UNKNOWN = -1;

  private static final Path GROUPS = Path.of("/sys/fs/cgroup");
  private static final byte[] KEY = "oom_kill ".getBytes(US_ASCII);
  private static final int FILE_BYTES = 512;
  private static final int UNOPENED = -1;

  private final int fd;

  /** Up to here they are given away. The pump's own. */
  private long given = UNKNOWN;

  private OomKillCounter(int fd) {
    this.fd = fd;
  }

  /** Of the control group that this process is in now, if the kernel counts there. */
  public static OomKillCounter ofOurGroup() {
    for (Path file : files()) {
      OomKillCounter kills = of(file);
      if (kills.count() != UNKNOWN) {
        return kills;
      }
      kills.close();
    }
    return new OomKillCounter(UNOPENED);
  }

  /**
   * @param file a memory.events, or a memory.oom_control of the first version
   */
  static OomKillCounter of(Path file) {
    return new OomKillCounter(
        Math.max(UNOPENED, Fd.open(file.toString().getBytes(UTF_8), Fd.O_RDONLY)));
  }

  // In a container the path that the kernel tells may be another than the one that is mounted.
  private static List<Path> files() {
    List<Path> files = new ArrayList<>();
    String first = group("memory");
    if (first != null) {
      files.add(Path.of(GROUPS + "/memory" + first, "memory.oom_control"));
      files.add(GROUPS.resolve("memory/memory.oom_control"));
    }
    String second = group("");
    if (second != null) {
      files.add(Path.of(GROUPS + second, "memory.events"));
      files.add(GROUPS.resolve("memory.events"));
    }
    return files;
  }

  /** Lines are such as {@code 4:memory:/some/group}; the second version names no controller. */
  private static @Nullable String group(String controller) {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/self/cgroup"))) {
        String[] parts = line.split(":", 3);
        if (parts.length == 3 && List.of(parts[1].split(",", -1)).contains(controller)) {
          return parts[2];
        }
      }
    } catch (IOException _) {
      // Without control groups there is nothing to count.
    }
    return null;
  }

  /** Any thread; a system call. */
  public long count() {
    if (fd == UNOPENED) {
      return UNKNOWN;
    }
    MemorySegment memory = Libc.scratch().asSlice(0, FILE_BYTES);
    int length = Fd.pread(fd, memory, 0);
    if (length <= 0) {
      return UNKNOWN;
    }
    return valueIn(memory.asSlice(0, length));
  }

  // Not by strings: it stands before every start.
  private static long valueIn(MemorySegment text) {
    for (long start = 0; start + KEY.length < text.byteSize(); start++) {
      if (isKeyAt(text, start)) {
        return numberAt(text, start + KEY.length);
      }
    }
    return UNKNOWN;
  }

  private static boolean isKeyAt(MemorySegment text, long start) {
    if (start > 0 && text.get(ValueLayout.JAVA_BYTE, start - 1) != '\n') {
      return false;
    }
    for (int i = 0; i < KEY.length; i++) {
      if (text.get(ValueLayout.JAVA_BYTE, start + i) != KEY[i]) {
        return false;
      }
    }
    return true;
  }

  private static long numberAt(MemorySegment text, long start) {
    long number = 0;
    for (long i = start; i < text.byteSize(); i++) {
      byte digit = text.get(ValueLayout.JAVA_BYTE, i);
      if (digit < '0' || digit > '9') {
        break;
      }
      number = 10 * number + digit - '0';
    }
    return number;
  }

  /**
   * Whether a process that KILL ended was ended so; true once for each kill. On the pump.
   *
   * @param before the count before the process was made
   */
  public boolean claim(long before) {
    long seen = Math.max(before, given);
    if (before == UNKNOWN || count() <= seen) {
      return false;
    }
    given = seen + 1;
    return true;
  }

  public void close() {
    if (fd != UNOPENED) {
      Fd.close(fd);
    }
  }
}
