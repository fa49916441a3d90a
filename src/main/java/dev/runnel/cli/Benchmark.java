package dev.runnel.cli;

import java.io.IOException;

/** What {@code bench} does once it knows what to measure. */
public interface Benchmark {
  /** Measures, on the calling thread, and returns what to print on stdout. */
  String run(BenchOrder order) throws IOException;
}
