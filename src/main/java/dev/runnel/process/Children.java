package dev.runnel.process;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.nio.charset.StandardCharsets.US_ASCII;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** The children of this process's first thread, as proc(5) lists them. The pump's own. */
final class Children {
  private static final int PAGE_BYTES = 4_096;
  private static final int BUFFER_BYTES = 16 * PAGE_BYTES;
  private static final int[] NOBODY = {};

  private final int list;
  private final MemorySegment buffer = Libc.malloc(BUFFER_BYTES);

  private Children(int list) {
    this.list = list;
  }

  /** Null if this kernel has no such list. */
  static @Nullable Children open() {
    String path = "/proc/self/task/" + Pid.own() + "/children";
    int list = Fd.open(path.getBytes(US_ASCII), Fd.O_RDONLY);
    if (list < 0) {
      Trouble.warn("orphans stay zombies: open " + path + ": " + Errno.name(-list));
      return null;
    }
    return new Children(list);
  }

  /** Complete, if meanwhile nobody takes one out of it. Null: it can't be read. */
  int @Nullable [] pids() {
    StringBuilder text = new StringBuilder();
    int count;
    do {
      count = Fd.pread(list, buffer, text.length());
      if (count < 0) {
        return null;
      }
      text.append(new String(buffer.asSlice(0, count).toArray(JAVA_BYTE), US_ASCII));
      // The kernel fills a page at a time.
    } while (count >= PAGE_BYTES / 2);
    return text.isEmpty()
        ? NOBODY
        : Arrays.stream(text.toString().split(" ")).mapToInt(Integer::parseInt).toArray();
  }

  void close() {
    Fd.close(list);
    Libc.free(buffer);
  }
}
