package dev.runnel.process.sys;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;

/** Instructions for where Java can't run. */
@SuppressWarnings("restricted")
public final class MachineCode {
  private static final int PROT_READ = 1;
  private static final int PROT_WRITE = 2;
  private static final int PROT_EXEC = 4;
  private static final int MAP_PRIVATE_ANONYMOUS = 0x22;

  private static final MemorySegment MMAP = Libc.symbol("mmap");
  private static final MemorySegment MPROTECT = Libc.symbol("mprotect");

  private MachineCode() {}

  /**
   * Where the code is from now on. Never unmapped: a page for the life of the process.
   *
   * @throws LibcException if the system does not let it
   */
  public static long map(byte[] code) {
    long address =
        Libc.callLong(MMAP, 0, code.length, PROT_READ | PROT_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0);
    if (address < 0) {
      throw new LibcException("mmap", (int) -address);
    }
    MemorySegment page = MemorySegment.ofAddress(address).reinterpret(code.length);
    MemorySegment.copy(code, 0, page, JAVA_BYTE, 0, code.length);
    // Written before it may be run: only so does the kernel keep an arm64's caches in step.
    LibcException.check(
        "mprotect", Libc.callInt(MPROTECT, address, code.length, PROT_READ | PROT_EXEC));
    return address;
  }
}
