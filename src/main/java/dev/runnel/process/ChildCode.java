package dev.runnel.process;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.util.HexFormat;

/**
 * The few instructions that a child of {@link ChildPlan} runs instead of Java, which it must not
 * run: it shares this process's memory, and its parent stands still. They take system calls from a
 * table, one after the other, write down each result, and end the child after the first error.
 * docs/decisions/0009 has them in assembly language.
 */
@SuppressWarnings("restricted")
final class ChildCode {
  /** Of one row: the call's number, its five arguments, its result, nothing. */
  static final long ROW_BYTES = 64;

  static final long RESULT_OFFSET = 48;

  private static final String ON_X86 =
      "f30f1efa 4889fb 488b03 488b7b08 488b7310 488b5318 4c8b5320 4c8b4328 0f05"
          + " 48894330 4883c340 483d00f0ffff 76d7 bf7f000000 b8e7000000 0f05";
  private static final String ON_ARM =
      "5f2403d5 f30300aa 680240a9 610a41a9 631242a9 010000d4"
          + " 601a00f9 73020191 1f0440b1 29ffff54 e00f80d2 c80b80d2 010000d4";

  private static final int PROT_READ = 1;
  private static final int PROT_WRITE = 2;
  private static final int PROT_EXEC = 4;
  private static final int MAP_PRIVATE_ANONYMOUS = 0x22;

  private static final MemorySegment MMAP = Libc.symbol("mmap");
  private static final MemorySegment MPROTECT = Libc.symbol("mprotect");

  /** Never unmapped: a page for the life of the process. */
  private static final long ADDRESS = map();

  private ChildCode() {}

  /** Of a C function that gets the table and does not return. */
  static long address() {
    return ADDRESS;
  }

  private static long map() {
    String hex = SystemCall.IS_ARM ? ON_ARM : ON_X86;
    byte[] code = HexFormat.of().parseHex(hex.replace(" ", ""));
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
