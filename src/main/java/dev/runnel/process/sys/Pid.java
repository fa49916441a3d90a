package dev.runnel.process.sys;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.util.concurrent.TimeUnit.SECONDS;

import dev.runnel.process.proc.ProcStat;
import java.lang.foreign.MemorySegment;

/** Calls on processes; any thread. Each returns its result or errno negated. */
public final class Pid {
  public static final int SIGCHLD = 17;
  public static final long NANOS_PER_TICK = SECONDS.toNanos(1) / 100;

  private static final int PIDFD_SEND_SIGNAL = 424;
  private static final int PIDFD_OPEN = 434;
  private static final long SIG_IGN = 1;
  private static final long SA_FLAGS_OFFSET = 136;
  private static final int SA_NOCLDWAIT = 2;
  private static final int RLIMIT_NOFILE = 7;
  private static final int PR_SET_DUMPABLE = 4;
  private static final int PR_SET_CHILD_SUBREAPER = 36;
  private static final int CLOCK_BOOTTIME = 7;
  private static final int PRIO_PROCESS = 0;

  private static final MemorySegment SYSCALL = Libc.symbol("syscall");
  private static final MemorySegment KILL = Libc.symbol("kill");
  private static final MemorySegment GETPID = Libc.symbol("getpid");
  private static final MemorySegment GETTID = Libc.symbol("gettid");
  private static final MemorySegment CLOCK_GETTIME = Libc.symbol("clock_gettime");
  private static final MemorySegment SETPRIORITY = Libc.symbol("setpriority");
  private static final MemorySegment GETSID = Libc.symbol("getsid");
  private static final MemorySegment GETPGID = Libc.symbol("getpgid");
  private static final MemorySegment SETSID = Libc.symbol("setsid");
  private static final MemorySegment PRLIMIT = Libc.symbol("prlimit");
  private static final MemorySegment PRCTL = Libc.symbol("prctl");
  private static final MemorySegment SIGNAL = Libc.symbol("signal");
  private static final MemorySegment SIGACTION = Libc.symbol("sigaction");
  private static final MemorySegment UMASK = Libc.symbol("umask");

  private Pid() {}

  /** Whether the C library has all that is called here. */
  public static boolean isThere() {
    return Libc.missing().isEmpty();
  }

  public static int own() {
    return Libc.callInt(GETPID, 0, 0, 0);
  }

  /** The kernel's number of the calling thread. */
  public static int thread() {
    return Libc.callInt(GETTID, 0, 0, 0);
  }

  /** What the start of a process is counted from. */
  public static long nanosSinceBoot() {
    MemorySegment time = Libc.scratch();
    Libc.callInt(CLOCK_GETTIME, CLOCK_BOOTTIME, time.address(), 0);
    return SECONDS.toNanos(time.getAtIndex(JAVA_LONG, 0)) + time.getAtIndex(JAVA_LONG, 1);
  }

  /** The same as the start of a process is counted in {@link ProcStat}. */
  public static long ticksSinceBoot() {
    return nanosSinceBoot() / NANOS_PER_TICK;
  }

  /** Has the calling thread get the processor before others; refused without the privilege. */
  public static int hurry(int nice) {
    return Libc.callInt(SETPRIORITY, PRIO_PROCESS, thread(), nice);
  }

  /** The session that a process belongs to; 0 stands for the calling process. */
  public static int session(int pid) {
    return Libc.callInt(GETSID, pid, 0, 0);
  }

  /** Refused to the leader of a process group. */
  static int setsid() {
    return Libc.callInt(SETSID, 0, 0, 0);
  }

  public static int group(int pid) {
    return Libc.callInt(GETPGID, pid, 0, 0);
  }

  /** Signal 0 only asks whether there is somebody. */
  public static int killGroup(int group, int signal) {
    return Libc.callInt(KILL, -group, signal, 0);
  }

  /** A descriptor for a process, a zombie included; readable once it has ended. */
  public static int open(int pid) {
    return (int) Libc.callLong(SYSCALL, PIDFD_OPEN, pid, 0, 0);
  }

  /** Unlike a number, a pidfd never comes to mean somebody else. */
  public static int send(int pidfd, int signal) {
    return (int) Libc.callLong(SYSCALL, PIDFD_SEND_SIGNAL, pidfd, signal, 0);
  }

  /** The soft and the hard limit on open files, of a process or (0) of the caller. */
  public static long[] openFiles(int pid) {
    MemorySegment limit = Libc.scratch();
    LibcException.check("prlimit", Libc.callInt(PRLIMIT, pid, RLIMIT_NOFILE, 0, limit.address()));
    return new long[] {limit.getAtIndex(JAVA_LONG, 0), limit.getAtIndex(JAVA_LONG, 1)};
  }

  public static int setOpenFiles(int pid, long soft, long hard) {
    MemorySegment limit = Libc.scratch();
    limit.setAtIndex(JAVA_LONG, 0, soft);
    limit.setAtIndex(JAVA_LONG, 1, hard);
    return Libc.callInt(PRLIMIT, pid, RLIMIT_NOFILE, limit.address(), 0);
  }

  /** Orphans among our descendants become our children. */
  public static int becomeSubreaper() {
    return Libc.callInt(PRCTL, PR_SET_CHILD_SUBREAPER, 1, 0);
  }

  /** Only root may look into this process from now on, and it leaves no core. */
  public static int forbidDumps() {
    return Libc.callInt(PRCTL, PR_SET_DUMPABLE, 0, 0);
  }

  /** Whether the kernel reaps this process's children itself and forgets how they ended. */
  public static boolean losesChildren() {
    MemorySegment action = Libc.scratch();
    Libc.call(SIGACTION, SIGCHLD, 0, action.address());
    return action.get(JAVA_LONG, 0) == SIG_IGN
        || (action.get(JAVA_INT, SA_FLAGS_OFFSET) & SA_NOCLDWAIT) != 0;
  }

  public static void setDefaultAction(int signal) {
    Libc.call(SIGNAL, signal, 0, 0);
  }

  public static void umask(int mask) {
    Libc.call(UMASK, mask, 0, 0);
  }
}
