package dev.runnel.wire;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.runnel.model.Request;
import dev.runnel.wire.Vectors.Sender;
import dev.runnel.wire.Vectors.Vector;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** PROTOCOL.md, section 7, says what this code does. */
@Tag("also-root")
class ProtocolVectorsTest {
  private static final List<Vector> ALL = Vectors.all();

  static Stream<Vector> requests() {
    return ALL.stream().filter(v -> v.sender() == Sender.CLIENT && v.error() == null);
  }

  static Stream<Vector> mistakes() {
    return ALL.stream().filter(v -> v.error() != null);
  }

  static Stream<Vector> answers() {
    return ALL.stream().filter(v -> v.sender() == Sender.SERVER);
  }

  static Stream<Vector> withText() {
    return ALL.stream().filter(v -> v.text() != null);
  }

  @Test
  void namesEachVectorOnce() {
    assertEquals(ALL.size(), names(v -> true).size());
  }

  @Test
  void knowsWhatEachVectorMeans() {
    assertEquals(VectorRequests.ALL.keySet(), names(requests().toList()::contains));
    assertEquals(VectorAnswers.ALL.keySet(), names(answers().toList()::contains));
    assertEquals(ALL.size(), requests().count() + mistakes().count() + answers().count());
  }

  @ParameterizedTest
  @MethodSource("withText")
  void showsTheHeaderAsText(Vector vector) {
    byte[] header = RawFrames.utf8(Objects.requireNonNull(vector.text()));
    byte[] bytes = vector.bytes();
    assertEquals(hex(RawFrames.littleEndian(header.length)), hex(bytes).substring(0, 8));
    assertEquals(vector.text(), new String(bytes, 4, header.length, StandardCharsets.UTF_8));
  }

  @ParameterizedTest
  @MethodSource("requests")
  void decodesRequests(Vector vector) throws Exception {
    Frame frame = Frames.of(vector.bytes()).only();
    VectorRequests.Expected expected = VectorRequests.ALL.get(vector.name());
    assertNotNull(expected);
    assertEquals(expected.id(), frame.header().id());
    Request actual = RequestDecoder.decode(frame.header(), frame.body());
    if (expected.request() instanceof Request.Stdin wanted) {
      Request.Stdin stdin = (Request.Stdin) actual;
      assertArrayEquals(wanted.bytes(), stdin.bytes());
      assertEquals(wanted.job(), stdin.job());
      assertEquals(wanted.offset(), stdin.offset());
      assertEquals(wanted.eof(), stdin.eof());
    } else {
      assertEquals(expected.request(), actual);
    }
  }

  @ParameterizedTest
  @MethodSource("mistakes")
  void answersMistakesWithTheirCode(Vector vector) {
    assertEquals(vector.error(), codeOf(vector.bytes()).toLowerCase(Locale.ROOT));
  }

  @ParameterizedTest
  @MethodSource("answers")
  void encodesAnswers(Vector vector) {
    VectorAnswers.Answer answer = VectorAnswers.ALL.get(vector.name());
    assertNotNull(answer);
    byte[] encoded = EventEncoder.encode(answer.id(), answer.event(), answer.body().length);
    assertEquals(hex(vector.bytes()), hex(RawFrames.concat(encoded, answer.body())));
  }

  @Test
  void readsTheSameFromABlockingStream() throws Exception {
    byte[] all = RawFrames.concat(requests().map(Vector::bytes).toArray(byte[][]::new));
    FrameInput input = new FrameInput(new ByteArrayInputStream(all));
    for (Frame expected : Frames.of(all).list()) {
      Frame actual = input.next();
      assertNotNull(actual);
      assertEquals(expected.header().keys(), actual.header().keys());
      assertArrayEquals(expected.body(), actual.body());
    }
    assertEquals(null, input.next());
    for (Vector vector : mistakes().toList()) {
      FrameInput wrong = new FrameInput(new ByteArrayInputStream(vector.bytes()));
      assertThrows(Exception.class, () -> decode(wrong), vector.name());
    }
  }

  private static String codeOf(byte[] bytes) {
    try {
      Frame frame = Frames.of(bytes).only();
      return "no error: " + RequestDecoder.decode(frame.header(), frame.body());
    } catch (RequestException e) {
      return e.code().wireName();
    } catch (ProtocolException e) {
      return e.code().wireName();
    }
  }

  private static void decode(FrameInput input)
      throws IOException, ProtocolException, RequestException {
    Frame frame = input.next();
    assertNotNull(frame);
    RequestDecoder.decode(frame.header(), frame.body());
  }

  private static Set<String> names(Predicate<Vector> which) {
    return ALL.stream().filter(which).map(Vector::name).collect(Collectors.toSet());
  }

  private static String hex(byte[] bytes) {
    return HexFormat.of().formatHex(bytes);
  }
}
