package dev.runnel.wire.vertx;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.runnel.wire.RawFrames;
import dev.runnel.wire.Vectors;
import dev.runnel.wire.Vectors.Vector;
import java.io.IOException;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The same comparison as {@link FrameDecoderAgreementTest}, with streams that Jazzer finds. It runs
 * until it finds a disagreement or its time is up:
 *
 * <pre>{@code mvn test -Pfuzz -Dtest=FrameDecoderFuzzTest}</pre>
 *
 * <p>{@code -Djazzer.max_duration=10m} bounds it; a stream that fails is written to a file, whose
 * bytes belong into a test of its own.
 */
@Tag("fuzz")
class FrameDecoderFuzzTest {

  static Stream<Arguments> seeds() {
    Stream<byte[]> each = Vectors.all().stream().map(Vector::bytes);
    byte[] all =
        RawFrames.concat(
            Vectors.all().stream()
                .filter(v -> v.error() == null)
                .map(Vector::bytes)
                .toArray(byte[][]::new));
    return Stream.concat(each, Stream.of(all)).map(bytes -> Arguments.of((Object) bytes));
  }

  @MethodSource("seeds")
  @FuzzTest(maxDuration = "1h")
  void agreesWithTheNaiveDecoder(byte[] stream) throws IOException {
    Agreement.check(stream, new SplittableRandom(Arrays.hashCode(stream)));
  }
}
