package dev.runnel.bench;

import dev.runnel.model.JobId;
import dev.runnel.model.Request;
import dev.runnel.process.engine.Baseline;
import dev.runnel.wire.RequestEncoder;
import java.io.IOException;
import java.util.List;

/** How long a line takes to a command that runs, and back as the command's output. */
final class LineEcho implements Measurement {
  private static final int LINES = 200;
  private static final int LINE_BYTES = 64;
  private static final double P99 = 0.99;

  private int jobs;

  @Override
  public String title() {
    return "a line there and back";
  }

  @Override
  public List<Result> measure(MeasuredServer server, Pace pace) throws IOException {
    Baseline floor = new Baseline(BenchCommands.ECHO);
    try (BenchConnection link = BenchConnection.open(server)) {
      Pairs pairs = pace.alternate(() -> floorRound(floor), () -> runnelRound(link));
      return List.of(
          pairs.median("line_p50", "a line through cat and back, p50", Result.Unit.MILLIS),
          pairs.percentile(
              P99, "line_p99", "a line through cat and back, p99", Result.Unit.MILLIS));
    }
  }

  private static double[] floorRound(Baseline floor) {
    double[] millis = new double[LINES];
    floor.talk(
        asker -> {
          for (int i = 0; i < LINES; i++) {
            long start = System.nanoTime();
            asker.ask(LINE_BYTES);
            millis[i] = (System.nanoTime() - start) / 1e6;
          }
        });
    return millis;
  }

  private double[] runnelRound(BenchConnection link) throws IOException {
    JobId job = new JobId("bench-" + ProcessHandle.current().pid() + "-" + jobs++);
    link.send(BenchCommands.talk("r", job, BenchCommands.ECHO));
    long[] offset = new long[1];
    double[] millis =
        Latencies.of(
            LINES,
            () -> {
              link.send(line(job, offset[0]));
              offset[0] += LINE_BYTES;
              for (int got = 0; got < LINE_BYTES; ) {
                got += link.awaitOutput();
              }
            });
    link.send(eof(job, offset[0]));
    var _ = link.awaitEnd();
    return millis;
  }

  private static byte[] line(JobId job, long offset) {
    return RequestEncoder.encode(null, new Request.Stdin(job, offset, new byte[LINE_BYTES], false));
  }

  private static byte[] eof(JobId job, long offset) {
    return RequestEncoder.encode(null, new Request.Stdin(job, offset, new byte[0], true));
  }
}
