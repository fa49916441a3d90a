package dev.runnel.process;

/**
 * To whose tree a process belongs that is not in one of our sessions.
 *
 * @param tree its tag, as in {@link StartTags}, or one of the constants, which are no tags
 * @param started of the process, as in {@link ProcStat}
 */
record TreeMembership(long tree, long started) {
  /** Of none, as far as can be told: it came to us and has shed every mark. */
  static final long STRAY = -2;

  /** Not known: its environment could not be read. */
  static final long UNREAD = -3;
}
