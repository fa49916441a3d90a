package dev.runnel.bench;

import java.io.IOException;

/** Milliseconds that something takes, again and again. */
final class Latencies {
  private Latencies() {}

  /** What is timed. */
  @FunctionalInterface
  interface Step {
    void run() throws IOException;
  }

  static double[] of(int times, Step step) throws IOException {
    double[] millis = new double[times];
    for (int i = 0; i < times; i++) {
      long start = System.nanoTime();
      step.run();
      millis[i] = (System.nanoTime() - start) / 1e6;
    }
    return millis;
  }
}
