package dev.runnel.process.spawn;

import dev.runnel.process.sys.MachineCode;
import dev.runnel.process.sys.SystemCall;
import java.util.HexFormat;

/**
 * The few instructions that a child of {@link SyscallProgram} runs instead of Java, which it must
 * not run: it shares this process's memory, and its parent stands still. They take system calls
 * from a table, one after the other, write down each result, and end the child after the first
 * error. docs/decisions/0009 has them in assembly language.
 */
final class VforkStub {
  /** Of one row: the call's number, its five arguments, its result, nothing. */
  static final long ROW_BYTES = 64;

  static final long RESULT_OFFSET = 48;

  private static final String ON_X86 =
      "f30f1efa 4889fb 488b03 488b7b08 488b7310 488b5318 4c8b5320 4c8b4328 0f05"
          + " 48894330 4883c340 483d00f0ffff 76d7 bf7f000000 b8e7000000 0f05";
  private static final String ON_ARM =
      "5f2403d5 f30300aa 680240a9 610a41a9 631242a9 010000d4"
          + " 601a00f9 73020191 1f0440b1 29ffff54 e00f80d2 c80b80d2 010000d4";

  private static final long ADDRESS =
      MachineCode.map(
          HexFormat.of().parseHex((SystemCall.IS_ARM ? ON_ARM : ON_X86).replace(" ", "")));

  private VforkStub() {}

  /** Of a C function that gets the table and does not return. */
  static long address() {
    return ADDRESS;
  }
}
