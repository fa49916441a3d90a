package dev.runnel.job;

import static java.util.Objects.requireNonNull;

import dev.runnel.model.Stream;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** What a log costs a writer and a reader that keeps up, besides the bytes' own way. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@SuppressWarnings("NullAway.Init") // Made by open.
public class LogBenchmark {
  private static final long BOUND = 1 << 20;

  @Param({"64", "65536"})
  private int bytes;

  private OutputLog log;
  private LogReader reader;
  private StreamTally tally;

  @Setup
  public void open() {
    log = new OutputLog(new LogMemory(16 << 20, 16), BOUND, () -> {});
    reader = log.openRunner(0, () -> {});
    tally = new StreamTally();
  }

  /** Bytes in, and out again. */
  @Benchmark
  public long appendAndRead() {
    append(_ -> {});
    return read();
  }

  /** The same, with their checksum: the difference is what it costs. */
  @Benchmark
  public long appendSumAndRead() {
    append(tally::add);
    return read();
  }

  private void append(Consumer<MemorySegment> taker) {
    for (int left = bytes; left > 0; ) {
      MemorySegment room = requireNonNull(log.reserve(Stream.STDOUT));
      int count = (int) Math.min(left, room.byteSize());
      taker.accept(room.asSlice(0, count));
      log.commit(Stream.STDOUT, count);
      left -= count;
    }
  }

  private long read() {
    long read = 0;
    while (read < bytes) {
      try (LentSlice lease = requireNonNull(reader.next(bytes))) {
        read += lease.bytes().byteSize();
        reader.consumed(lease.end());
      }
    }
    return read;
  }
}
