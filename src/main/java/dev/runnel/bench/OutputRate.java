package dev.runnel.bench;

import dev.runnel.process.engine.Baseline;
import java.io.IOException;
import java.util.List;

/** How fast the output of commands that write without pause arrives, each on its connection. */
final class OutputRate implements Measurement {
  private static final int SMALL_BYTES = 1_024;

  private final String name;
  private final String title;
  private final int commands;
  private final int writes;
  private final int bytesEach;

  private OutputRate(String name, String title, int commands, int writes, int bytesEach) {
    this.name = name;
    this.title = title;
    this.commands = commands;
    this.writes = writes;
    this.bytesEach = bytesEach;
  }

  /** Large writes, of so many commands at once. */
  static OutputRate stream(int commands) {
    String title = "output of " + (commands == 1 ? "one command" : commands + " commands");
    return new OutputRate("stream_" + commands, title, commands, 3_072 / commands, 128 * 1024);
  }

  /** Lines that are flushed one by one. */
  static OutputRate lines() {
    return new OutputRate("lines", "lines of 64 bytes, each flushed", 1, 200_000, 64);
  }

  @Override
  public String title() {
    return title;
  }

  @Override
  public List<Result> measure(MeasuredServer server, Pace pace) throws IOException {
    Baseline floor = new Baseline(BenchCommands.writing(writes, bytesEach));
    byte[] frame = BenchCommands.run("r", BenchCommands.writing(writes, bytesEach));
    try (Several<BenchConnection> links = Several.of(commands, () -> BenchConnection.open(server));
        Several<Sink> sinks = Several.of(commands, Sink::open)) {
      Pairs pairs =
          pace.alternate(
              () -> rate(ParallelRuns.work(2 * commands, i -> relayOrReceive(floor, sinks, i))),
              () -> rate(ParallelRuns.work(commands, i -> runAndReceive(links.get(i), frame))));
      return List.of(pairs.median(name, title, unit()));
    }
  }

  private Result.Unit unit() {
    return bytesEach < SMALL_BYTES ? Result.Unit.PER_SECOND : Result.Unit.MEGABYTES_PER_SECOND;
  }

  private double[] rate(double seconds) {
    double perSecond = commands * writes / seconds;
    return new double[] {bytesEach < SMALL_BYTES ? perSecond : perSecond * bytesEach / 1e6};
  }

  // One thread of each pair relays to the sink, the other is the sink's.
  private void relayOrReceive(Baseline floor, Several<Sink> sinks, int i) throws IOException {
    Sink sink = sinks.get(i / 2);
    if (i % 2 == 0) {
      floor.relay(sink.port());
    } else {
      check(sink.receive());
    }
  }

  private void runAndReceive(BenchConnection link, byte[] frame) throws IOException {
    link.send(frame);
    check(link.awaitEnd());
  }

  private long bytes() {
    return (long) writes * bytesEach;
  }

  private void check(long received) throws IOException {
    if (received != bytes()) {
      throw new IOException("output: " + received + " bytes (expected: " + bytes() + ")");
    }
  }
}
