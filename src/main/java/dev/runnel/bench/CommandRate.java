package dev.runnel.bench;

import dev.runnel.process.engine.Baseline;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** Commands a second with so many in flight, on one connection. */
final class CommandRate implements Measurement {
  private static final long ROUND_NANOS = Duration.ofMillis(300).toNanos();

  private final int inFlight;

  CommandRate(int inFlight) {
    this.inFlight = inFlight;
  }

  @Override
  public String title() {
    return "commands, " + inFlight + " in flight";
  }

  @Override
  public List<Result> measure(MeasuredServer server, Pace pace) throws IOException {
    Baseline floor = new Baseline(BenchCommands.NOTHING);
    try (BenchConnection link = BenchConnection.open(server)) {
      Pairs pairs = pace.alternate(() -> floorRound(floor), () -> runnelRound(link));
      return List.of(
          pairs.median(
              "commands_per_second_" + inFlight,
              "commands, " + inFlight + " in flight",
              Result.Unit.PER_SECOND));
    }
  }

  private double[] floorRound(Baseline floor) throws IOException {
    AtomicInteger done = new AtomicInteger();
    long end = System.nanoTime() + ROUND_NANOS;
    double seconds =
        ParallelRuns.work(
            inFlight,
            _ -> {
              while (System.nanoTime() < end) {
                floor.run();
                done.incrementAndGet();
              }
            });
    return new double[] {done.get() / seconds};
  }

  private double[] runnelRound(BenchConnection link) throws IOException {
    long start = System.nanoTime();
    for (int i = 0; i < inFlight; i++) {
      link.send(BenchCommands.run("" + i, BenchCommands.NOTHING));
    }
    int done = 0;
    for (int running = inFlight; running > 0; done++) {
      var _ = link.awaitEnd();
      if (System.nanoTime() - start < ROUND_NANOS) {
        link.send(BenchCommands.run(String.valueOf(link.endedId()), BenchCommands.NOTHING));
      } else {
        running--;
      }
    }
    return new double[] {done / ((System.nanoTime() - start) / 1e9)};
  }
}
