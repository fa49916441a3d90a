package dev.runnel.process;

import dev.runnel.process.sys.Libc;
import java.lang.foreign.MemorySegment;

/** malloc(3) and free(3): memory that is not zeroed, not counted by the JVM, and never moved. */
public final class NativeMemory {
  private NativeMemory() {}

  /**
   * The caller owns the memory until {@link #free}; any thread may use it.
   *
   * @throws OutOfMemoryError if there is none
   */
  public static MemorySegment allocate(long bytes) {
    return Libc.malloc(bytes);
  }

  /** Nobody may touch the memory afterwards: the JVM does not notice, it crashes. */
  public static void free(MemorySegment memory) {
    Libc.free(memory);
  }
}
