package dev.runnel.process.spawn;

import dev.runnel.process.sys.LibcException;
import dev.runnel.process.sys.Pid;

/**
 * The soft limit on open files that a command gets: what the daemon was started with, although the
 * daemon has raised its own.
 *
 * <p>It is set from outside, and so in force a few microseconds after the exec rather than before.
 * Before it, only the daemon's own limit could be lowered, for all its threads, and with it the
 * daemon would run out of descriptors. A command that counts its descriptors in its first
 * microseconds may thus see the higher limit.
 */
public final class NofileLimit {
  /** Leaves the limit as it is inherited. */
  public static final NofileLimit INHERITED = new NofileLimit(0, 0);

  private final long soft;
  private final long hard;

  private NofileLimit(long soft, long hard) {
    this.soft = soft;
    this.hard = hard;
  }

  /** Raises this process's soft limit to the hard one, and remembers what it was. */
  public static NofileLimit raise() {
    long[] limits = Pid.openFiles(0);
    LibcException.check("prlimit", Pid.setOpenFiles(0, limits[1], limits[1]));
    return new NofileLimit(limits[0], limits[1]);
  }

  /** The same for a child that sets its limits itself. */
  void addTo(SyscallProgram plan) {
    if (soft != hard) {
      plan.limit(Rlimit.OPEN_FILES, soft, hard);
    }
  }

  /** Refused for a program that changed its user on exec: it keeps the higher limit. */
  void giveTo(int pid) {
    if (soft != hard) {
      Pid.setOpenFiles(pid, soft, hard);
    }
  }
}
