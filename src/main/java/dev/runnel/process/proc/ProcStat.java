package dev.runnel.process.proc;

import org.jspecify.annotations.Nullable;

/**
 * What proc_pid_stat(5) says of a thread, or of a process by its first thread.
 *
 * @param name of its program, at most 15 bytes
 * @param parent the pid of the process's parent
 * @param threads of the process
 * @param started when, in clock ticks of some 10 ms: with the pid, it tells a process from any
 *     other
 * @param code where its program begins, which the kernel sets last; 0 while it executes a program
 *     and when it exits, 1 where that is not ours to know
 * @param environment where that begins, 0 like code
 * @param environmentEnd the same of its end
 */
public record ProcStat(
    String name,
    char state,
    int parent,
    long flags,
    int threads,
    long started,
    long pendingSignals,
    long code,
    long environment,
    long environmentEnd) {
  // Counted from the state on.
  private static final int PARENT = 1;
  private static final int FLAGS = 6;
  private static final int THREADS = 17;
  private static final int STARTED = 19;
  private static final int CODE = 23;
  private static final int PENDING = 28;
  private static final int ENVIRONMENT = 47;
  private static final int ENVIRONMENT_END = 48;

  /** Set as the first thing in do_exit, before descriptors are closed. */
  private static final long PF_EXITING = 0x4;

  private static final long KILL_PENDING = 1 << 8;

  /** Null if the thread is gone. */
  static @Nullable ProcStat of(String text) {
    // The name may hold anything, parentheses too.
    int begin = text.indexOf('(');
    int end = text.lastIndexOf(')');
    String[] fields =
        begin < 0 || end < begin ? new String[0] : text.substring(end + 1).strip().split(" ", -1);
    return fields.length <= ENVIRONMENT_END
        ? null
        : new ProcStat(
            text.substring(begin + 1, end),
            fields[0].charAt(0),
            Integer.parseInt(fields[PARENT]),
            Long.parseLong(fields[FLAGS]),
            Integer.parseInt(fields[THREADS]),
            Long.parseLong(fields[STARTED]),
            Long.parseLong(fields[PENDING]),
            Long.parseUnsignedLong(fields[CODE]),
            Long.parseUnsignedLong(fields[ENVIRONMENT]),
            Long.parseUnsignedLong(fields[ENVIRONMENT_END]));
  }

  /** Its program may still do something. */
  boolean isRunning() {
    return !isDead() && (flags & PF_EXITING) == 0;
  }

  public boolean isDead() {
    return state == 'Z' || state == 'X';
  }

  /** Whether it was known, and whole, and may be the same that it has at another time. */
  boolean hasSameProgram(ProcStat other) {
    return code > 1
        && code == other.code
        && environment == other.environment
        && environmentEnd == other.environmentEnd;
  }

  long environmentBytes() {
    return environmentEnd - environment;
  }

  /** As each thread is when its process exits, until it gets to exiting itself. */
  boolean isKilled() {
    return (pendingSignals & KILL_PENDING) != 0;
  }
}
