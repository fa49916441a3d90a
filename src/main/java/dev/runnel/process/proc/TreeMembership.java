package dev.runnel.process.proc;

import dev.runnel.process.spawn.StartTags;

/**
 * To whose tree a process belongs that is not in one of our sessions.
 *
 * @param tree its tag, as in {@link StartTags}, or one of the constants, which are no tags
 * @param started of the process, as in {@link ProcStat}
 */
public record TreeMembership(long tree, long started) {
  /** Of none, as far as can be told: it came to us and has shed every mark. */
  public static final long STRAY = -2;

  /** Not known: its environment could not be read. */
  public static final long UNREAD = -3;
}
