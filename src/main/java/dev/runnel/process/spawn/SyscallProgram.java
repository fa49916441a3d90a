package dev.runnel.process.spawn;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.runnel.model.StartFailure.At;
import dev.runnel.model.SystemText;
import dev.runnel.process.sys.CString;
import dev.runnel.process.sys.Fd;
import dev.runnel.process.sys.Libc;
import dev.runnel.process.sys.Pid;
import dev.runnel.process.sys.SystemCall;
import dev.runnel.process.sys.WaitId;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * A child with limits or a user of its own, for which posix_spawn(3) has no room: the same steps
 * and these, each a system call that the child makes by itself, so that they are in force before
 * the command's first instruction and each failure is known by its step. As posix_spawn does, the
 * child borrows this process's memory until its exec, and the calling thread waits for that; other
 * threads run on. For one start, on a spawner thread.
 */
final class SyscallProgram implements SpawnActions {
  private static final long STACK_BYTES = 16 * 1024;
  private static final int CLONE_VM = 0x100;
  private static final int CLONE_VFORK = 0x4000;
  private static final int SIG_SETMASK = 2;
  private static final long SIGSET_BYTES = 8;
  private static final long SIGACTION_BYTES = 32;
  private static final int SIGNALS = 64;
  private static final int SIGKILL = 9;
  private static final int SIGSTOP = 19;

  /** All but ILL, TRAP, BUS, FPE and SEGV, by which the JVM finds out things about its own code. */
  private static final long ASYNCHRONOUS = ~(1L << 3 | 1L << 4 | 1L << 6 | 1L << 7 | 1L << 10);

  /** In place of a result: no call returns it. */
  private static final long NOT_REACHED = Long.MIN_VALUE;

  private static final MemorySegment CLONE = Libc.symbol("clone");
  private static final MemorySegment SYSCALL = Libc.symbol("syscall");

  private final Arena arena = Arena.ofConfined();
  private final List<Step> steps = new ArrayList<>();

  /**
   * @param what for people, if it fails
   */
  private record Step(At at, String what, SystemCall call, List<Long> arguments) {
    Step(At at, String what, SystemCall call, Long... arguments) {
      this(at, what, call, List.of(arguments));
    }
  }

  /** With default actions for all signals, in a session of its own. */
  SyscallProgram() {
    MemorySegment byDefault = arena.allocate(SIGACTION_BYTES, 8);
    for (long signal = 1; signal <= SIGNALS; signal++) {
      if (signal != SIGKILL && signal != SIGSTOP) {
        exec(SystemCall.RT_SIGACTION, signal, byDefault.address(), 0L, SIGSET_BYTES);
      }
    }
    exec(SystemCall.SETSID);
  }

  private void exec(SystemCall call, Long... arguments) {
    steps.add(new Step(At.EXEC, call.name(), call, arguments));
  }

  @Override
  public SyscallProgram dup2(int fd, int asFd) {
    exec(SystemCall.DUP3, (long) fd, (long) asFd, 0L);
    return this;
  }

  @Override
  public SyscallProgram open(byte[] path, int flags, int asFd) {
    // The lowest that is free is taken: those below are in use.
    exec(SystemCall.CLOSE, (long) asFd);
    exec(SystemCall.OPENAT, (long) Fd.AT_FDCWD, string(path), (long) flags, 0L);
    return this;
  }

  @Override
  public SyscallProgram changeDirectory(int fd) {
    steps.add(new Step(At.CWD, "cwd", SystemCall.FCHDIR, (long) fd));
    return this;
  }

  /** By name, as whoever the child is by then. */
  SyscallProgram changeDirectory(String path) {
    steps.add(new Step(At.CWD, "cwd " + path, SystemCall.CHDIR, string(SystemText.bytes(path))));
    return this;
  }

  @Override
  public SyscallProgram closeFrom(int fd) {
    exec(SystemCall.CLOSE_RANGE, (long) fd, 0xFFFF_FFFFL, 0L);
    return this;
  }

  SyscallProgram limit(Rlimit limit, long soft, long hard) {
    MemorySegment values = arena.allocate(2L * Long.BYTES, 8);
    values.setAtIndex(JAVA_LONG, 0, soft);
    values.setAtIndex(JAVA_LONG, 1, hard);
    String what = limit.wireName() + ": " + soft;
    steps.add(
        new Step(At.LIMITS, what, SystemCall.PRLIMIT64, 0L, limit.number(), values.address(), 0L));
    return this;
  }

  /** With all groups of that user; nothing of what the daemon may do is left. */
  SyscallProgram become(UserAccount account) {
    int[] groups = account.groups();
    MemorySegment list = arena.allocateFrom(JAVA_INT, groups);
    long uid = Integer.toUnsignedLong(account.uid());
    long gid = Integer.toUnsignedLong(account.gid());
    user(account, SystemCall.SETGROUPS, (long) groups.length, list.address());
    user(account, SystemCall.SETRESGID, gid, gid, gid);
    user(account, SystemCall.SETRESUID, uid, uid, uid);
    return this;
  }

  /** Gives a terminal to that user. */
  SyscallProgram giveTerminal(int fd, UserAccount account) {
    long uid = Integer.toUnsignedLong(account.uid());
    user(account, SystemCall.FCHOWN, (long) fd, uid, -1L);
    return this;
  }

  private void user(UserAccount account, SystemCall call, Long... arguments) {
    steps.add(new Step(At.USER, "user " + account.asked(), call, arguments));
  }

  private long string(byte[] bytes) {
    return CString.of(bytes, arena).address();
  }

  @Override
  public int spawn(MemorySegment path, ExecStrings strings) throws StartException {
    try (Arena memory = Arena.ofConfined()) {
      List<Step> all = new ArrayList<>(steps);
      long none = memory.allocate(SIGSET_BYTES, 8).address();
      all.add(
          new Step(
              At.EXEC,
              "signals",
              SystemCall.RT_SIGPROCMASK,
              (long) SIG_SETMASK,
              none,
              0L,
              SIGSET_BYTES));
      all.add(
          new Step(
              At.EXEC, "exec", SystemCall.EXECVE, path.address(), strings.argv(), strings.envp()));
      MemorySegment table = table(all, memory);
      return outcome(all, table, clone(table, memory));
    }
  }

  private static MemorySegment table(List<Step> steps, Arena memory) {
    MemorySegment table = memory.allocate(steps.size() * VforkStub.ROW_BYTES, 16);
    for (int i = 0; i < steps.size(); i++) {
      MemorySegment row = table.asSlice(i * VforkStub.ROW_BYTES, VforkStub.ROW_BYTES);
      row.set(JAVA_LONG, 0, steps.get(i).call().number());
      row.set(JAVA_LONG, VforkStub.RESULT_OFFSET, NOT_REACHED);
      List<Long> arguments = steps.get(i).arguments();
      for (int j = 0; j < arguments.size(); j++) {
        row.setAtIndex(JAVA_LONG, j + 1L, arguments.get(j));
      }
    }
    return table;
  }

  /** The child's pid, once it runs its executable or has ended; or errno negated. */
  private static int clone(MemorySegment table, Arena memory) {
    MemorySegment stack = memory.allocate(STACK_BYTES, 16);
    MemorySegment blocked = memory.allocate(2 * SIGSET_BYTES, 8);
    blocked.set(JAVA_LONG, 0, ASYNCHRONOUS);
    long before = blocked.address() + SIGSET_BYTES;
    // A handler of the JVM's that ran in the child would do so in the JVM's own memory.
    setMask(blocked.address(), before);
    try {
      return Libc.callInt(
          CLONE,
          VforkStub.address(),
          stack.address() + STACK_BYTES,
          CLONE_VM | CLONE_VFORK | Pid.SIGCHLD,
          table.address());
    } finally {
      setMask(before, 0);
    }
  }

  private static void setMask(long mask, long before) {
    Libc.callLong(
        SYSCALL, SystemCall.RT_SIGPROCMASK.number(), SIG_SETMASK, mask, before, SIGSET_BYTES, 0);
  }

  private static int outcome(List<Step> steps, MemorySegment table, int pid) throws StartException {
    if (pid < 0) {
      return pid;
    }
    for (int i = 0; i < steps.size(); i++) {
      long result = table.get(JAVA_LONG, i * VforkStub.ROW_BYTES + VforkStub.RESULT_OFFSET);
      if (result == NOT_REACHED) {
        // Of the exec, that is its success; before it, somebody killed the child.
        return pid;
      }
      if (result < 0) {
        WaitId.awaitAndReap(pid);
        return failed(steps.get(i), (int) -result);
      }
    }
    throw new IllegalStateException("exec returned");
  }

  private static int failed(Step step, int errno) throws StartException {
    if (step.call() == SystemCall.EXECVE) {
      return -errno;
    }
    throw new StartException(errno, step.at(), step.what());
  }

  @Override
  public void close() {
    arena.close();
  }
}
