package dev.runnel.process.proc;

import dev.runnel.process.sys.Pid;

/**
 * A thread that makes processes: the kernel lists these as its children, not as the process's.
 *
 * @param id the kernel's number of it, which a later thread may get
 */
public record StartThread(Thread thread, int id) {
  /** The calling one. */
  public static StartThread current() {
    return new StartThread(Thread.currentThread(), Pid.thread());
  }

  public boolean isAlive() {
    return thread.isAlive();
  }
}
