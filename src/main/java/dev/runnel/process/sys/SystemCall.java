package dev.runnel.process.sys;

/** Numbers of system calls, which differ from one architecture to the other. */
public enum SystemCall {
  CHDIR(80, 49),
  CLOSE(3, 57),
  CLOSE_RANGE(436, 436),
  DUP3(292, 24),
  EXECVE(59, 221),
  FCHDIR(81, 50),
  FCHOWN(93, 55),
  OPENAT(257, 56),
  PRLIMIT64(302, 261),
  RT_SIGACTION(13, 134),
  RT_SIGPROCMASK(14, 135),
  SETGROUPS(116, 159),
  SETRESGID(119, 149),
  SETRESUID(117, 147),
  SETSID(112, 157);

  public static final boolean IS_ARM = System.getProperty("os.arch", "").equals("aarch64");

  private final int onX86;
  private final int onArm;

  SystemCall(int onX86, int onArm) {
    this.onX86 = onX86;
    this.onArm = onArm;
  }

  public int number() {
    return IS_ARM ? onArm : onX86;
  }
}
