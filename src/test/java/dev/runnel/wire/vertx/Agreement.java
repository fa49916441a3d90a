package dev.runnel.wire.vertx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.Request;
import dev.runnel.wire.Frame;
import dev.runnel.wire.FrameInput;
import dev.runnel.wire.Frames;
import dev.runnel.wire.NaiveDecoder;
import dev.runnel.wire.NaiveDecoder.PlainFrame;
import dev.runnel.wire.NaiveDecoder.Reading;
import dev.runnel.wire.ProtocolException;
import dev.runnel.wire.RequestDecoder;
import dev.runnel.wire.RequestException;
import io.vertx.core.buffer.Buffer;
import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;

/** That our decoders find in a stream what the naive one finds, at the same place. */
final class Agreement {
  private Agreement() {}

  /** Fails if they do not; the stream is cut into chunks at random. */
  static Reading check(byte[] stream, RandomGenerator random) throws IOException {
    Reading expected = NaiveDecoder.read(stream);
    checkChunked(stream, expected, random);
    checkBlocking(stream, expected);
    return expected;
  }

  private static void checkChunked(byte[] stream, Reading expected, RandomGenerator random) {
    Frames actual = new Frames();
    FrameDecoder decoder = new FrameDecoder(actual);
    int most = 1 + random.nextInt(2 * stream.length + 1);
    int at = 0;
    while (at < stream.length) {
      int size = Math.min(1 + random.nextInt(most), stream.length - at);
      decoder.handle(Buffer.buffer(Arrays.copyOfRange(stream, at, at + size)));
      at += size;
      checkSoFar(expected, actual, at);
    }
    decoder.end();
    ProtocolException mistake = actual.mistake();
    assertEquals(expected.error(), mistake == null ? null : mistake.code().wireName());
    checkFrames(expected.frames(), actual.list());
  }

  // Everything shows with the byte that completes it, not before and not after.
  private static void checkSoFar(Reading expected, Frames actual, int at) {
    long whole = expected.frames().stream().filter(frame -> frame.end() <= at).count();
    assertEquals(whole, actual.list().size(), () -> "frames within " + at + " bytes");
    boolean wrong = expected.error() != null && expected.errorAt() <= at;
    assertEquals(wrong, actual.mistake() != null, () -> "a mistake within " + at + " bytes");
  }

  private static void checkFrames(List<PlainFrame> expected, List<Frame> actual) {
    assertEquals(expected.size(), actual.size());
    for (int i = 0; i < expected.size(); i++) {
      checkFrame(expected.get(i), actual.get(i));
    }
  }

  private static void checkFrame(PlainFrame expected, Frame actual) {
    assertEquals(expected.id(), actual.header().id());
    assertArrayEquals(expected.body(), actual.body());
    assertEquals(expected.body().length, actual.header().totalSize());
    checkRequest(actual);
  }

  // Whatever a frame holds, it is a request or a mistake that has a code.
  private static void checkRequest(Frame frame) {
    try {
      Request request = RequestDecoder.decode(frame.header(), frame.body().clone());
      assertNotNull(request);
      assertFalse(request instanceof Request.Notice && frame.header().id() != null);
    } catch (RequestException e) {
      assertTrue(e.getMessage().length() < 200_000);
    } catch (ProtocolException e) {
      assertTrue(e.getMessage().length() < 200_000);
    }
  }

  private static void checkBlocking(byte[] stream, Reading expected) throws IOException {
    FrameInput input = new FrameInput(new ByteArrayInputStream(stream));
    String error = null;
    try {
      for (PlainFrame frame : expected.frames()) {
        Frame actual = input.next();
        assertNotNull(actual);
        checkFrame(frame, actual);
      }
      assertNull(input.next());
    } catch (ProtocolException e) {
      error = e.code().wireName();
    } catch (EOFException e) {
      assertTrue(expected.errorAt() > stream.length, e.getMessage());
      error = "bad_frame";
    }
    assertEquals(expected.error(), error);
  }
}
