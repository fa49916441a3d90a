package dev.runnel;

import org.junit.jupiter.api.Test;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/** Runs every benchmark, or those that {@code -Dbenchmarks=REGEX} names, and prints the results. */
class BenchmarksTest {
  @Test
  void run() throws Exception {
    new Runner(
            new OptionsBuilder()
                .include(System.getProperty("benchmarks", ".*"))
                .forks(1)
                .jvmArgsAppend("--enable-native-access=ALL-UNNAMED", "-XX:+UseSerialGC")
                .warmupIterations(3)
                .warmupTime(TimeValue.seconds(1))
                .measurementIterations(5)
                .measurementTime(TimeValue.seconds(1))
                .shouldFailOnError(true)
                .build())
        .run();
  }
}
