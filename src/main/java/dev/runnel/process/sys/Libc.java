package dev.runnel.process.sys;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;

/**
 * How C functions are found and called; any thread.
 *
 * <p>All go through one handle of six integers, because each further shape costs 3 to 4 ms when the
 * JVM starts. On x86-64 and arm64 that is sound: integers and pointers travel in registers, a
 * callee looks at the low half for an int, and never at registers it has no parameter for.
 */
@SuppressWarnings("restricted")
public final class Libc {
  private static final List<String> MISSING = new ArrayList<>();
  private static final SymbolLookup LOOKUP = Linker.nativeLinker().defaultLookup();
  private static final MethodHandle CALL =
      Linker.nativeLinker()
          .downcallHandle(
              FunctionDescriptor.of(
                  JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),
              Linker.Option.captureCallState("errno"));
  private static final ThreadLocal<CallMemory> MEMORY = ThreadLocal.withInitial(CallMemory::new);

  private static final MemorySegment MALLOC = symbol("malloc");
  private static final MemorySegment FREE = symbol("free");

  private Libc() {}

  /**
   * What a thread needs for its calls: errno, and room for what functions write through pointers.
   */
  private static final class CallMemory {
    private static final long SCRATCH_BYTES = 512;

    // Automatic: a thread has no end at which it could be closed.
    private final MemorySegment errno =
        Arena.ofAuto().allocate(Linker.Option.captureStateLayout().byteSize(), 8);
    private final MemorySegment scratch = Arena.ofAuto().allocate(SCRATCH_BYTES, 16);
  }

  /** The function's address; if there is none, NULL, and {@link #missing} names it. */
  public static MemorySegment symbol(String name) {
    return LOOKUP
        .find(name)
        .orElseGet(
            () -> {
              synchronized (MISSING) {
                MISSING.add(name);
              }
              return MemorySegment.NULL;
            });
  }

  /** The functions that were looked for and are not there. */
  public static List<String> missing() {
    synchronized (MISSING) {
      return List.copyOf(MISSING);
    }
  }

  public static MemorySegment malloc(long bytes) {
    long address = call(MALLOC, bytes, 0, 0);
    if (address == 0) {
      throw new OutOfMemoryError("malloc: " + bytes + " bytes");
    }
    return MemorySegment.ofAddress(address).reinterpret(bytes);
  }

  public static void free(MemorySegment memory) {
    call(FREE, memory.address(), 0, 0);
  }

  /** This thread's own 512 bytes, good until its next use by anybody. */
  public static MemorySegment scratch() {
    return MEMORY.get().scratch;
  }

  /** Calls a function that returns an int, -1 for an error: the result, or errno negated. */
  public static int callInt(MemorySegment function, long a, long b, long c) {
    return callInt(function, a, b, c, 0);
  }

  public static int callInt(MemorySegment function, long a, long b, long c, long d) {
    int result = (int) call(function, a, b, c, d, 0, 0);
    return result == -1 ? -errno() : result;
  }

  /** Calls a function that returns a long, -1 for an error: the result, or errno negated. */
  public static long callLong(MemorySegment function, long a, long b, long c, long d) {
    return callLong(function, a, b, c, d, 0, 0);
  }

  public static long callLong(
      MemorySegment function, long a, long b, long c, long d, long e, long f) {
    long result = call(function, a, b, c, d, e, f);
    return result == -1 ? -errno() : result;
  }

  /** Calls a function whose result is no error code of that kind. */
  public static long call(MemorySegment function, long a, long b, long c) {
    return call(function, a, b, c, 0, 0, 0);
  }

  public static long call(MemorySegment function, long a, long b, long c, long d, long e, long f) {
    try {
      return (long) CALL.invokeExact(function, MEMORY.get().errno, a, b, c, d, e, f);
    } catch (RuntimeException | Error thrown) {
      throw thrown;
    } catch (Throwable impossible) {
      throw new AssertionError(impossible);
    }
  }

  private static int errno() {
    return MEMORY.get().errno.get(JAVA_INT, 0);
  }
}
