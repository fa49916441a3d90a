package dev.runnel.process;

/**
 * A thread that makes processes: the kernel lists these as its children, not as the process's.
 *
 * @param id the kernel's number of it, which a later thread may get
 */
record StartThread(Thread thread, int id) {
  /** The calling one. */
  static StartThread current() {
    return new StartThread(Thread.currentThread(), Pid.thread());
  }

  boolean isAlive() {
    return thread.isAlive();
  }
}
