package dev.runnel.job;

/** What tests of leaks must not count. */
public final class Retained {
  private Retained() {}

  /** What logs hold beyond their floors, but for what is there for replay, which is given up. */
  public static long without(LogMemory memory) {
    memory.reclaim(Integer.MAX_VALUE);
    return memory.sharedBytes();
  }
}
