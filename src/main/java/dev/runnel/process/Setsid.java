package dev.runnel.process;

import dev.runnel.process.sys.Libc;
import java.lang.foreign.MemorySegment;

/** For a daemon that no terminal's Ctrl-C is meant for. */
public final class Setsid {
  private static final MemorySegment SETSID = Libc.symbol("setsid");

  private Setsid() {}

  /**
   * Leaves the session and the process group that this process was started in. Does nothing in a
   * session's leader. setsid(2).
   */
  public static void begin() {
    Libc.callInt(SETSID, 0, 0, 0);
  }
}
