package dev.runnel.process;

import dev.runnel.process.sys.Libc;
import dev.runnel.process.sys.LibcException;
import dev.runnel.process.sys.Pid;

/** The memory of this process, with the secrets that are in it. */
public final class DumpableFlag {
  private DumpableFlag() {}

  /**
   * Lets nobody but root read it from now on, nor this process's environment and descriptors; no
   * debugger attaches to it, and there are no core dumps. Commands are programs of their own, of
   * which this does not hold. prctl(2), PR_SET_DUMPABLE
   *
   * @throws UnsupportedOperationException if the C library lacks something
   */
  public static void close() {
    if (!Pid.isThere()) {
      throw new UnsupportedOperationException("missing in the C library: " + Libc.missing());
    }
    LibcException.check("prctl", Pid.forbidDumps());
  }
}
