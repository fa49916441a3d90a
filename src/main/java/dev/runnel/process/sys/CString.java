package dev.runnel.process.sys;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;

/** Bytes as C takes them: with a NUL behind. */
public final class CString {
  private CString() {}

  public static MemorySegment of(byte[] bytes, SegmentAllocator allocator) {
    MemorySegment string = allocator.allocate(bytes.length + 1L);
    MemorySegment.copy(bytes, 0, string, JAVA_BYTE, 0, bytes.length);
    string.set(JAVA_BYTE, bytes.length, (byte) 0);
    return string;
  }
}
