package dev.runnel.process.spawn;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.runnel.process.sys.Libc;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** argv and envp as execve(2) takes them, in one piece of memory. */
public final class ExecStrings implements AutoCloseable {
  private final MemorySegment memory;
  private final long envpOffset;
  private long pointer;
  private long string;

  public ExecStrings(List<byte[]> argv, Environment.OfCommand environment) {
    long[] inherited = environment.inherited();
    envpOffset = (argv.size() + 1L) * Long.BYTES;
    string = envpOffset + (inherited.length + environment.own().size() + 1L) * Long.BYTES;
    memory = Libc.malloc(string + byteCount(argv) + byteCount(environment.own()));
    argv.forEach(this::add);
    end();
    MemorySegment.copy(inherited, 0, memory, JAVA_LONG, pointer, inherited.length);
    pointer += (long) inherited.length * Long.BYTES;
    environment.own().forEach(this::add);
    end();
  }

  private static long byteCount(List<byte[]> strings) {
    long count = 0;
    for (byte[] string : strings) {
      count += string.length + 1L;
    }
    return count;
  }

  private void add(byte[] bytes) {
    memory.set(JAVA_LONG, pointer, memory.address() + string);
    pointer += Long.BYTES;
    MemorySegment.copy(bytes, 0, memory, JAVA_BYTE, string, bytes.length);
    memory.set(JAVA_BYTE, string + bytes.length, (byte) 0);
    string += bytes.length + 1L;
  }

  private void end() {
    memory.set(JAVA_LONG, pointer, 0);
    pointer += Long.BYTES;
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
