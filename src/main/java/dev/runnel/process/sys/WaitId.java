package dev.runnel.process.sys;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.runnel.model.ExitStatus;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * The system call waitid(2), always for one pid: waiting for any child would take those of the JDK.
 * Called directly because the C library's function leaves out the resource usage.
 */
public final class WaitId {
  private static final int NUMBER = System.getProperty("os.arch", "").equals("aarch64") ? 95 : 247;
  private static final int P_PID = 1;
  private static final int WNOHANG = 1;
  private static final int WEXITED = 4;
  private static final int WNOWAIT = 0x1000000;
  private static final int CLD_EXITED = 1;

  private static final long PID_OFFSET = 16;
  private static final long CODE_OFFSET = 8;
  private static final long STATUS_OFFSET = 24;
  private static final long USAGE_OFFSET = 128;

  private static final MemorySegment SYSCALL = Libc.symbol("syscall");

  private WaitId() {}

  /**
   * How a child ended.
   *
   * @param cpu of itself and those it waited for; null: not known
   */
  public record Exit(ExitStatus status, @Nullable Duration cpu) {}

  /** Looks without reaping: the child stays a zombie, and its pid its own. Null: not our child. */
  public static @Nullable Exit look(int pid) {
    return wait(pid, WEXITED | WNOHANG | WNOWAIT);
  }

  /** Reaps if it has ended. Null: it has not, or is no child of ours. */
  public static @Nullable Exit reap(int pid) {
    return wait(pid, WEXITED | WNOHANG);
  }

  /** Whether there is something of that number that could still be reaped. */
  public static boolean isChild(int pid) {
    MemorySegment info = Libc.scratch();
    int options = WEXITED | WNOHANG | WNOWAIT;
    return Libc.callLong(SYSCALL, NUMBER, P_PID, pid, info.address(), options, 0) >= 0;
  }

  /** Blocks until it has ended. */
  public static void awaitAndReap(int pid) {
    MemorySegment info = Libc.scratch();
    long error;
    do {
      error = Libc.callLong(SYSCALL, NUMBER, P_PID, pid, info.address(), WEXITED, 0);
    } while (error == -Errno.EINTR);
  }

  private static @Nullable Exit wait(int pid, int options) {
    MemorySegment info = Libc.scratch();
    MemorySegment usage = info.asSlice(USAGE_OFFSET);
    // What WNOHANG leaves untouched when the child still runs.
    info.set(JAVA_INT, PID_OFFSET, 0);
    long error =
        Libc.callLong(SYSCALL, NUMBER, P_PID, pid, info.address(), options, usage.address());
    if (error < 0 || info.get(JAVA_INT, PID_OFFSET) != pid) {
      return null;
    }
    int status = info.get(JAVA_INT, STATUS_OFFSET);
    boolean exited = info.get(JAVA_INT, CODE_OFFSET) == CLD_EXITED;
    return new Exit(
        exited ? new ExitStatus.Exited(status) : new ExitStatus.Signaled(status), cpu(usage));
  }

  /** User and system time, two timevals. */
  private static Duration cpu(MemorySegment usage) {
    long seconds = usage.getAtIndex(JAVA_LONG, 0) + usage.getAtIndex(JAVA_LONG, 2);
    long micros = usage.getAtIndex(JAVA_LONG, 1) + usage.getAtIndex(JAVA_LONG, 3);
    return Duration.ofSeconds(seconds, micros * 1_000);
  }
}
