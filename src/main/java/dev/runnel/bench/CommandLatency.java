package dev.runnel.bench;

import dev.runnel.process.engine.Baseline;
import java.io.IOException;
import java.util.List;

/** From a command's request to its end, one command after the other on a kept connection. */
final class CommandLatency implements Measurement {
  private static final int COMMANDS = 40;
  private static final double P99 = 0.99;

  @Override
  public String title() {
    return "sh -c true on a kept connection";
  }

  @Override
  public List<Result> measure(MeasuredServer server, Pace pace) throws IOException {
    Baseline floor = new Baseline(BenchCommands.NOTHING);
    byte[] frame = BenchCommands.run("r", BenchCommands.NOTHING);
    try (BenchConnection link = BenchConnection.open(server)) {
      Pairs pairs =
          pace.alternate(
              () -> Latencies.of(COMMANDS, floor::run),
              () ->
                  Latencies.of(
                      COMMANDS,
                      () -> {
                        link.send(frame);
                        var _ = link.awaitEnd();
                      }));
      return List.of(
          pairs.median("command_p50", "one command, sh -c true, p50", Result.Unit.MILLIS),
          pairs.percentile(P99, "command_p99", "one command, p99", Result.Unit.MILLIS));
    }
  }
}
