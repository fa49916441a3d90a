package dev.runnel.process;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.util.Collection;

/** argv and envp as execve(2) takes them, in one piece of memory. */
final class ExecStrings implements AutoCloseable {
  private final MemorySegment memory;
  private final long envpOffset;
  private long end;

  ExecStrings(Collection<byte[]> argv, Collection<byte[]> env) {
    envpOffset = (argv.size() + 1L) * Long.BYTES;
    end = envpOffset + (env.size() + 1L) * Long.BYTES;
    memory = Libc.malloc(end + byteCount(argv) + byteCount(env));
    fill(0, argv);
    fill(envpOffset, env);
  }

  private static long byteCount(Collection<byte[]> strings) {
    long count = 0;
    for (byte[] string : strings) {
      count += string.length + 1L;
    }
    return count;
  }

  private void fill(long pointers, Collection<byte[]> strings) {
    long pointer = pointers;
    for (byte[] string : strings) {
      memory.set(JAVA_LONG, pointer, memory.address() + end);
      pointer += Long.BYTES;
      MemorySegment.copy(string, 0, memory, JAVA_BYTE, end, string.length);
      memory.set(JAVA_BYTE, end + string.length, (byte) 0);
      end += string.length + 1L;
    }
    memory.set(JAVA_LONG, pointer, 0);
  }

  long argv() {
    return memory.address();
  }

  long envp() {
    return memory.address() + envpOffset;
  }

  @Override
  public void close() {
    Libc.free(memory);
  }
}
