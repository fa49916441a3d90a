package dev.runnel.job;

import java.util.concurrent.atomic.LongAdder;

/** How often output did not just flow, since the node began. Any thread; counting takes no lock. */
public final class FlowCounters {
  private final LongAdder gaps = new LongAdder();
  private final LongAdder gapBytes = new LongAdder();
  private final LongAdder stalls = new LongAdder();

  /** A follower was told that so much is gone. */
  void gap(long bytes) {
    gaps.increment();
    gapBytes.add(bytes);
  }

  /** A follower has used its credit up while there was more. */
  void stall() {
    stalls.increment();
  }

  /** How many gaps followers were told of. */
  public long gaps() {
    return gaps.sum();
  }

  /** Output that followers were told is gone. */
  public long gapBytes() {
    return gapBytes.sum();
  }

  /** How often a follower's credit was used up while there was more output. */
  public long stalls() {
    return stalls.sum();
  }
}
