package dev.runnel.process.engine;

import java.time.Duration;

/**
 * Finds out whether a process writes so little at a time, and so often, that to read each piece as
 * soon as it is there takes the processors away from whoever writes: a program that flushes every
 * line, in a loop. The pump's own.
 */
final class SmallReadDetector {
  /**
   * Then pieces are left to gather for so long: nobody reads that fast, and a pipe holds as much.
   */
  static final Duration PAUSE = Duration.ofNanos(250_000);

  private static final int SMALL_BYTES = 4 * 1024;
  private static final long QUICK_NANOS = 50_000;
  private static final int MANY = 16;

  private long lastNanos;
  private int count;

  /** To be told of every read. */
  boolean isWearing(int bytes, long nowNanos) {
    boolean quick = nowNanos - lastNanos < QUICK_NANOS;
    lastNanos = nowNanos;
    if (bytes >= SMALL_BYTES) {
      return false;
    }
    count = quick ? Math.min(count + 1, MANY) : 0;
    return count == MANY;
  }
}
