package dev.runnel.bench;

import dev.runnel.cli.BenchOrder;
import java.io.IOException;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Measures everything there is to measure, one after the other. */
public final class Bench {
  private static final Pace QUICK = new Pace(Duration.ofMillis(200), Duration.ofMillis(600));
  private static final Pace FULL = new Pace(Duration.ofMillis(2_500), Duration.ofMillis(5_000));
  private static final int IN_FLIGHT = 16;
  private static final int SEVERAL = 4;

  private Bench() {}

  /**
   * Blocks until it is done, and returns what to print.
   *
   * @param progress is told what is being measured
   */
  public static String run(BenchOrder order, PrintStream progress) throws IOException {
    return run(order, measurements(), progress);
  }

  static String run(BenchOrder order, List<Measurement> measurements, PrintStream progress)
      throws IOException {
    if (order.server() != null && order.host() != null) {
      MeasuredServer server = new MeasuredServer(order.server(), order.host(), order.token(), null);
      return measure(server, order, measurements, progress);
    }
    progress.println("runnel bench: starting a server of its own");
    try (OwnServer own = OwnServer.start()) {
      return measure(own.server(), order, measurements, progress);
    }
  }

  private static String measure(
      MeasuredServer server, BenchOrder order, List<Measurement> measurements, PrintStream progress)
      throws IOException {
    Pace pace = order.effort() == BenchOrder.Effort.QUICK ? QUICK : FULL;
    List<Result> results = new ArrayList<>();
    for (Measurement measurement : measurements) {
      progress.println("runnel bench: " + measurement.title());
      results.addAll(measurement.measure(server, pace));
    }
    BenchReport report = new BenchReport(order, results);
    return order.format() == BenchOrder.Format.JSON ? report.json() : report.table();
  }

  private static List<Measurement> measurements() {
    return List.of(
        new CommandLatency(),
        new CommandRate(IN_FLIGHT),
        OutputRate.stream(1),
        OutputRate.stream(SEVERAL),
        OutputRate.lines(),
        new Followers(1),
        new Followers(10),
        new Followers(100),
        new LineEcho(),
        new ClientStart());
  }
}
