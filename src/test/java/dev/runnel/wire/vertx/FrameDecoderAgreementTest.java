package dev.runnel.wire.vertx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.wire.NaiveDecoder.Reading;
import dev.runnel.wire.Vectors;
import dev.runnel.wire.Vectors.Vector;
import java.util.HexFormat;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Random streams, the same in every run, through our decoders and through the naive one. */
@Tag("either")
@Tag("slow")
class FrameDecoderAgreementTest {
  private static final int STREAMS = 1_000;

  @Test
  void agreesOnEveryVector() throws Exception {
    for (Vector vector : Vectors.all()) {
      for (int seed = 0; seed < 20; seed++) {
        Agreement.check(vector.bytes(), new SplittableRandom(seed));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void agreesOnRandomStreams(long seed) throws Exception {
    SplittableRandom random = new SplittableRandom(seed);
    RandomStreams streams = new RandomStreams(random);
    Map<String, Integer> seen = new TreeMap<>();
    for (int i = 0; i < STREAMS; i++) {
      byte[] stream = streams.next();
      try {
        seen.merge(kind(Agreement.check(stream, random), stream), 1, Integer::sum);
      } catch (AssertionError e) {
        throw new AssertionError("stream " + i + ": " + HexFormat.of().formatHex(stream), e);
      }
    }
    assertEquals(5, seen.size(), seen::toString);
    assertTrue(seen.values().stream().allMatch(count -> count >= 4), seen::toString);
  }

  private static String kind(Reading reading, byte[] stream) {
    if (reading.error() == null) {
      return "right";
    }
    return reading.errorAt() > stream.length ? "cut" : reading.error();
  }
}
