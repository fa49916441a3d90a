package dev.runnel.process.spawn;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.runnel.model.ResourceLimits;
import dev.runnel.process.sys.Libc;
import dev.runnel.process.sys.LibcException;
import java.lang.foreign.MemorySegment;
import java.util.OptionalLong;

/** Limits of setrlimit(2), by the names that the protocol has for them. */
enum Rlimit {
  CPU("cpu_s", 0),
  FILE_SIZE("file_bytes", 1),
  OPEN_FILES("open_files", 7),
  ADDRESS_SPACE("memory_bytes", 9);

  private static final MemorySegment PRLIMIT = Libc.symbol("prlimit");

  private final String wireName;
  private final int number;

  Rlimit(String wireName, int number) {
    this.wireName = wireName;
    this.number = number;
  }

  String wireName() {
    return wireName;
  }

  long number() {
    return number;
  }

  /** What a command asked of it. */
  OptionalLong of(ResourceLimits limits) {
    return switch (this) {
      case CPU -> limits.cpuSeconds();
      case FILE_SIZE -> limits.fileBytes();
      case OPEN_FILES -> limits.openFiles();
      case ADDRESS_SPACE -> limits.memoryBytes();
    };
  }

  /**
   * Has the child keep within so much. Of processor time the hard limit is a second more, for XCPU
   * to be heard before KILL comes, unless that were more than this process may give.
   */
  void addTo(SyscallProgram plan, long value) {
    long hard = value;
    if (this == CPU) {
      long most = hard();
      hard = Long.compareUnsigned(value, most) < 0 ? value + 1 : value;
    }
    plan.limit(this, value, hard);
  }

  private long hard() {
    MemorySegment limit = Libc.scratch();
    LibcException.check("prlimit", Libc.callInt(PRLIMIT, 0, number, 0, limit.address()));
    return limit.getAtIndex(JAVA_LONG, 1);
  }
}
