package dev.runnel.process.sys;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.nio.charset.StandardCharsets.US_ASCII;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** The children of one thread of this process, as proc(5) lists them. */
public final class Children {
  private static final int PAGE_BYTES = 4_096;
  private static final int FIRST_ROOM = 8;
  public static final int[] NONE = {};

  private final int list;

  private Children(int list) {
    this.list = list;
  }

  /** Null if this kernel has no such list, or the thread has ended. */
  public static @Nullable Children open(int thread) {
    String path = "/proc/self/task/" + thread + "/children";
    int list = Fd.open(path.getBytes(US_ASCII), Fd.O_RDONLY);
    return list < 0 ? null : new Children(list);
  }

  /** Complete, if meanwhile nobody takes one out of it. Null: it can't be read. */
  public int @Nullable [] pids() {
    try (Arena arena = Arena.ofConfined()) {
      return read(arena.allocate(PAGE_BYTES));
    }
  }

  private int @Nullable [] read(MemorySegment page) {
    int[] pids = NONE;
    int found = 0;
    int number = 0;
    long offset = 0;
    int count;
    do {
      count = Fd.pread(list, page, offset);
      if (count < 0) {
        return null;
      }
      offset += count;
      for (int i = 0; i < count; i++) {
        byte digit = page.get(JAVA_BYTE, i);
        if (digit != ' ') {
          number = 10 * number + digit - '0';
        } else {
          if (found == pids.length) {
            pids = Arrays.copyOf(pids, Math.max(FIRST_ROOM, 2 * found));
          }
          pids[found++] = number;
          number = 0;
        }
      }
      // The kernel fills a page at a time.
    } while (count >= PAGE_BYTES / 2);
    return found == pids.length ? pids : Arrays.copyOf(pids, found);
  }

  public void close() {
    Fd.close(list);
  }
}
