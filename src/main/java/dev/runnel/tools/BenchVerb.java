package dev.runnel.tools;

import dev.runnel.bench.Bench;
import dev.runnel.cli.Cli;

/** The verb {@code bench}. */
public final class BenchVerb {
  private BenchVerb() {}

  /** Runs the verb, its name being the first argument, and returns the exit code. */
  public static int run(String[] arguments) {
    return Cli.bench(arguments, order -> Bench.run(order, System.err));
  }
}
