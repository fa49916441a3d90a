package dev.runnel.chaos;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** System calls by which one process does harm to another. Any thread. */
@SuppressWarnings("restricted") // System calls are made so.
final class Sys {
  static final int KILL = 9;
  static final int HUP = 1;
  static final int QUIT = 3;
  static final int CONT = 18;
  static final int STOP = 19;

  /** getrlimit(2). */
  static final int FILE_SIZE = 1;

  static final int PROCESSES = 6;
  static final int OPEN_FILES = 7;

  private static final Linker LINKER = Linker.nativeLinker();
  private static final MethodHandle KILL_CALL =
      LINKER.downcallHandle(
          LINKER.defaultLookup().findOrThrow("kill"),
          FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
  private static final MethodHandle PRLIMIT_CALL =
      LINKER.downcallHandle(
          LINKER.defaultLookup().findOrThrow("prlimit"),
          FunctionDescriptor.of(
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT,
              ValueLayout.ADDRESS,
              ValueLayout.ADDRESS));

  private Sys() {}

  /** A soft and a hard limit; -1: none. */
  record Limit(long soft, long hard) {
    Limit withSoft(long value) {
      return new Limit(hard < 0 ? value : Math.min(value, hard), hard);
    }
  }

  /** Whether there was such a process, and it may be signaled. */
  static boolean kill(long pid, int signal) {
    try {
      return (int) KILL_CALL.invokeExact((int) pid, signal) == 0;
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  static Limit limit(long pid, int resource) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment old = arena.allocate(16, 8);
      call(pid, resource, MemorySegment.NULL, old);
      return new Limit(old.get(ValueLayout.JAVA_LONG, 0), old.get(ValueLayout.JAVA_LONG, 8));
    }
  }

  /** Does nothing if the process is gone. */
  static void setLimit(long pid, int resource, Limit limit) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment value = arena.allocate(16, 8);
      value.set(ValueLayout.JAVA_LONG, 0, limit.soft);
      value.set(ValueLayout.JAVA_LONG, 8, limit.hard);
      call(pid, resource, value, MemorySegment.NULL);
    }
  }

  private static void call(long pid, int resource, MemorySegment set, MemorySegment get) {
    try {
      int _ = (int) PRLIMIT_CALL.invokeExact((int) pid, resource, set, get);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }
}
