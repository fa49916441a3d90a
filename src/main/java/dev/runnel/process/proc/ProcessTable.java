package dev.runnel.process.proc;

import dev.runnel.model.Signal;
import dev.runnel.process.sys.Errno;
import dev.runnel.process.sys.LibcException;
import dev.runnel.process.sys.WaitId;
import org.jspecify.annotations.Nullable;

/**
 * What the kernel tells of processes, and does to them. Descriptors and errors are the kernel's: an
 * error is its number negated.
 *
 * <p>Other processes go on meanwhile: two answers need not be of the same moment.
 */
public interface ProcessTable {
  /** As a tag: its environment names none of ours. */
  long NO_TAG = 0;

  /** As a tag: it has no environment at this moment, as in an exec, or none that can be read. */
  long UNREADABLE = -1;

  /**
   * Every process, in the order of their numbers.
   *
   * @throws LibcException if there is no descriptor left to look with: then nothing is known
   */
  int[] pids();

  /** The session of a process; 0 stands for the caller. */
  int session(int pid);

  int group(int pid);

  /**
   * Null if the process is gone.
   *
   * @throws LibcException if there is no descriptor left to look with: then nothing is known
   */
  @Nullable ProcStat stat(int pid);

  /** Null if it is gone, or nothing but a zombie. */
  TreeProcess.@Nullable Stage stage(int pid, ProcStat stat);

  /** Its arguments. A process that hangs in the kernel may make the caller hang, too. */
  String command(int pid);

  /**
   * The tag in the environment that it was started with, or one of the constants. A process that
   * hangs in the kernel may make the caller hang, too.
   */
  long tag(int pid);

  /**
   * The children that were made by a thread of this process, or (null) those of its first thread,
   * with the orphans that it adopted. Complete if meanwhile only the caller reaps. Null: it can't
   * be read. On the pump; for the first thread also on the sweeper, where it may lack some.
   */
  int @Nullable [] children(@Nullable StartThread thread);

  /** Looks how it ended without reaping it. Null: it runs, or is no child of ours. */
  WaitId.@Nullable Exit look(int pid);

  /** Reaps it if it has ended. Null: it has not, or is no child of ours. */
  WaitId.@Nullable Exit reap(int pid);

  /** How long it has run, to some hundredths of a second. */
  long ageNanos(ProcStat stat);

  /** This moment, as the start of a process is counted in {@link ProcStat}. */
  long ticks();

  int signalGroup(int group, Signal signal);

  /** A descriptor for a process, a zombie included. */
  int open(int pid);

  /** Unlike a number, a descriptor never comes to mean another process. */
  int signal(int pidfd, Signal signal);

  void close(int pidfd);

  /** When it started, as in {@link ProcStat}; negative if it is gone. */
  default long started(int pid) {
    ProcStat stat = stat(pid);
    return stat == null ? -1 : stat.started();
  }

  /** {@link #open(int)}, unless the process started at another time. */
  default int open(int pid, long started) {
    int pidfd = open(pid);
    if (pidfd < 0) {
      return pidfd;
    }
    // After the opening: if the number had got a new owner before it, that one is seen here.
    int error = seen(pid, started);
    if (error < 0) {
      close(pidfd);
      return error;
    }
    return pidfd;
  }

  private int seen(int pid, long started) {
    try {
      return started(pid) == started ? 0 : -Errno.ESRCH;
    } catch (LibcException noDescriptor) {
      return -Errno.EMFILE;
    }
  }

  /** Signals that process, and none that may have its number by now; 0, or an error. */
  default int signal(int pid, long started, Signal signal) {
    int pidfd = open(pid, started);
    if (pidfd < 0) {
      return pidfd;
    }
    int result = signal(pidfd, signal);
    close(pidfd);
    return result;
  }
}
