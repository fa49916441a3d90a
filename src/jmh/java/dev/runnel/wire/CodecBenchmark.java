package dev.runnel.wire;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.runnel.model.Event;
import dev.runnel.model.JobId;
import dev.runnel.model.Request;
import dev.runnel.model.Stream;
import dev.runnel.wire.vertx.FrameDecoder;
import io.vertx.core.buffer.Buffer;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.infra.Blackhole;

/** What a request costs to read and an answer to write, in headers alone. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class CodecBenchmark {
  private static final byte[] BODY = {};

  private final byte[] header =
      "{\"type\":\"run\",\"id\":\"r1\",\"argv\":[\"/bin/sh\",\"-c\",\"true\"],\"total_size\":0}"
          .getBytes(UTF_8);
  private final Buffer frame = frame(header);
  private final Event output = new Event.Output(new JobId("abcdefghijkl"), Stream.STDOUT, 1 << 30);

  private static Buffer frame(byte[] header) {
    return Buffer.buffer().appendIntLE(header.length).appendBytes(header);
  }

  /** A run's header to the request it means. */
  @Benchmark
  public Request decodeRun() throws ProtocolException, RequestException {
    return RequestDecoder.decode(Header.parse(header), BODY);
  }

  /** The same from a socket's buffer. */
  @Benchmark
  public void cutFrame(Blackhole taken) {
    new FrameDecoder(
            new FrameDecoder.Output() {
              @Override
              public void frame(Frame whole) {
                taken.consume(whole);
              }

              @Override
              public void failed(ProtocolException mistake) {
                throw new IllegalStateException(mistake);
              }
            })
        .handle(frame.copy());
  }

  /** The header of a frame of output. */
  @Benchmark
  public byte[] encodeOutput() {
    return EventEncoder.encode("r1", output, 65_536);
  }

  /** What the least of encodings costs: to make the bytes. */
  @Benchmark
  public byte[] copyHeader() {
    return Arrays.copyOf(header, header.length);
  }
}
