package dev.runnel.bench;

import java.io.IOException;
import java.time.Duration;

/**
 * How long a measurement takes. Rounds of Runnel and of the floor are short and alternate, so that
 * whatever else the machine does meets both.
 *
 * @param warmUp before anything counts: the JVMs are still compiling
 * @param measuring after it
 */
record Pace(Duration warmUp, Duration measuring) {
  private static final int MIN_ROUNDS = 3;

  /** One round; its samples. */
  @FunctionalInterface
  interface Round {
    double[] run() throws IOException;
  }

  Pairs alternate(Round floor, Round runnel) throws IOException {
    var _ = repeat(warmUp, 1, floor, runnel);
    return repeat(measuring, MIN_ROUNDS, floor, runnel);
  }

  private static Pairs repeat(Duration time, int minRounds, Round floor, Round runnel)
      throws IOException {
    Pairs pairs = new Pairs();
    long end = System.nanoTime() + time.toNanos();
    while (pairs.count() < minRounds || System.nanoTime() < end) {
      pairs.add(floor.run(), runnel.run());
    }
    return pairs;
  }
}
