package dev.runnel.bench;

import dev.runnel.model.JobId;
import dev.runnel.process.engine.Baseline;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;

/**
 * What all followers of one command get together: its runner everything, and watchers what they are
 * quick enough for. Of a server of our own also the memory that it takes up with so many.
 */
final class Followers implements Measurement {
  private static final int BYTES_EACH = 128 * 1024;
  private static final int WRITES_IN_ALL = 3_072;
  // Of a hundred together still little.
  private static final int BUFFER_BYTES = 128 * 1024;

  private final int count;
  private final int writes;
  private int jobs;

  Followers(int count) {
    this.count = count;
    this.writes = WRITES_IN_ALL / count;
  }

  @Override
  public String title() {
    return "one command's output to " + (count == 1 ? "one follower" : count + " followers");
  }

  @Override
  public List<Result> measure(MeasuredServer server, Pace pace) throws IOException {
    Baseline floor = new Baseline(BenchCommands.writing(writes, BYTES_EACH));
    List<Result> results = new ArrayList<>();
    try (Several<BenchConnection> links =
            Several.of(count, () -> BenchConnection.open(server, BUFFER_BYTES));
        Several<Sink> sinks = Several.of(count, () -> Sink.open(BUFFER_BYTES))) {
      PeakMemory memory = PeakMemory.of(server);
      Pairs pairs = pace.alternate(() -> floorRound(floor, sinks), () -> runnelRound(links));
      results.add(pairs.median("followers_" + count, title(), Result.Unit.MEGABYTES_PER_SECOND));
      if (memory != null) {
        String most = "the server's memory with " + count + ", at most";
        double mebibytes = memory.mostMebibytes();
        results.add(
            new Result(
                "followers_" + count + "_memory", most, Result.Unit.MEBIBYTES, mebibytes, null));
      }
    }
    return results;
  }

  // One thread relays to all sinks, each of which has one of its own.
  private double[] floorRound(Baseline floor, Several<Sink> sinks) throws IOException {
    int[] ports = IntStream.range(0, count).map(i -> sinks.get(i).port()).toArray();
    AtomicLong bytes = new AtomicLong();
    double seconds =
        ParallelRuns.work(
            count + 1,
            i -> {
              if (i == count) {
                floor.relay(ports);
              } else {
                bytes.addAndGet(sinks.get(i).receive());
              }
            });
    return new double[] {bytes.get() / seconds / 1e6};
  }

  private double[] runnelRound(Several<BenchConnection> links) throws IOException {
    JobId job = new JobId("bench-" + ProcessHandle.current().pid() + "-" + count + "-" + jobs++);
    for (int i = 0; i < count; i++) {
      List<String> command = BenchCommands.writingWhenTold(writes, BYTES_EACH);
      links
          .get(i)
          .send(i == 0 ? BenchCommands.talk("r", job, command) : BenchCommands.watch("w", job));
      links.get(i).awaitStarted();
    }
    AtomicLong bytes = new AtomicLong();
    double seconds =
        ParallelRuns.work(
            count,
            i -> {
              if (i == 0) {
                links.get(0).send(BenchCommands.line(job));
              }
              bytes.addAndGet(links.get(i).awaitEnd());
            });
    return new double[] {bytes.get() / seconds / 1e6};
  }
}
