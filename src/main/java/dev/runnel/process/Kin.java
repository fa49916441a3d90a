package dev.runnel.process;

/**
 * To whose tree a process belongs that is not in one of our sessions.
 *
 * @param tree the pid of the tree's leader, or one of the constants, which are no pids
 * @param started of the process, as in {@link ThreadStat}
 */
record Kin(int tree, long started) {
  /** Of none, as far as can be told: it came to us and has shed every mark. */
  static final int STRAY = -2;

  /** Of a job that has ended, and that was asked to keep what it leaves. */
  static final int KEPT = -1;
}
