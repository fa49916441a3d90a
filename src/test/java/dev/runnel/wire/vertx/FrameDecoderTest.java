package dev.runnel.wire.vertx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import dev.runnel.model.ErrorCode;
import dev.runnel.wire.Frame;
import dev.runnel.wire.Frames;
import dev.runnel.wire.ProtocolException;
import dev.runnel.wire.RawFrames;
import io.vertx.core.buffer.Buffer;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** PROTOCOL.md, section 1, piece by piece: however the bytes arrive, the frames are the same. */
class FrameDecoderTest {
  private static final byte[][] FRAMES = {
    RawFrames.frame("{\"total_size\":6}", RawFrames.utf8("ls -la")),
    RawFrames.frame("{\"type\":\"ping\",\"id\":\"p\",\"total_size\":0}"),
    RawFrames.frame("{\"type\":\"ping\",\"id\":\"é\",\"total_size\":0}"),
    RawFrames.frame("{\"id\":\"s\",\"total_size\":1}", new byte[] {0}),
    RawFrames.frame("{\"id\":\"b\",\"total_size\":70}", RawFrames.body(70)),
    RawFrames.frame("{\"argv\":[\"true\"],\"total_size\":0}"),
  };
  private static final byte[] STREAM = RawFrames.concat(FRAMES);
  private static final byte[] LARGEST =
      RawFrames.frame(
          "{\"id\":\"large\"," + " ".repeat(65_536 - 34) + "\"total_size\":131072}",
          RawFrames.body(131_072));

  private final Frames frames = new Frames();
  private final FrameDecoder decoder = new FrameDecoder(frames);

  @Test
  void emitsFramesWhateverTheChunking() {
    for (int size = 1; size <= 2 * STREAM.length; size++) {
      Frames seen = new Frames();
      feed(new FrameDecoder(seen), STREAM, size);
      assertAllFrames(seen);
    }
  }

  @Test
  void emitsFramesWhereverTheStreamIsCutInThree() {
    for (int first = 0; first <= STREAM.length; first++) {
      for (int second = first; second <= STREAM.length; second += 7) {
        Frames seen = new Frames();
        FrameDecoder three = new FrameDecoder(seen);
        three.handle(Buffer.buffer(Arrays.copyOfRange(STREAM, 0, first)));
        three.handle(Buffer.buffer(Arrays.copyOfRange(STREAM, first, second)));
        three.handle(Buffer.buffer(Arrays.copyOfRange(STREAM, second, STREAM.length)));
        assertAllFrames(seen);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void emitsFramesWhateverTheMixOfChunks(long seed) {
    byte[] stream = RawFrames.concat(STREAM, LARGEST, STREAM, LARGEST, STREAM);
    SplittableRandom random = new SplittableRandom(seed);
    for (int most : new int[] {10, 1_000, 100_000, stream.length}) {
      Frames seen = new Frames();
      FrameDecoder mixed = new FrameDecoder(seen);
      for (int at = 0, size; at < stream.length; at += size) {
        size = Math.min(1 + random.nextInt(most), stream.length - at);
        mixed.handle(Buffer.buffer(Arrays.copyOfRange(stream, at, at + size)));
      }
      assertFalse(mixed.isMidFrame());
      assertEquals(3 * FRAMES.length + 2, seen.list().size());
      assertArrayEquals(RawFrames.body(131_072), seen.list().get(FRAMES.length).body());
      assertEquals("large", seen.list().get(2 * FRAMES.length + 1).header().id());
    }
  }

  @Test
  void emitsTheLargestFrameByteByByte() {
    feed(decoder, LARGEST, 1);
    assertEquals(1, frames.list().size());
    assertEquals(131_072, frames.list().getFirst().body().length);
  }

  @Test
  void emitsAFrameWithItsLastByte() {
    byte[] frame = FRAMES[0];
    feed(decoder, Arrays.copyOf(frame, frame.length - 1), frame.length);
    assertEquals(0, frames.list().size());
    assertTrue(decoder.isMidFrame());
    decoder.handle(Buffer.buffer(new byte[] {frame[frame.length - 1]}));
    assertEquals(1, frames.list().size());
    assertFalse(decoder.isMidFrame());
  }

  @Test
  void takesAnEndBetweenFramesAndNowhereElse() {
    List<Integer> boundaries = new ArrayList<>(List.of(0));
    for (byte[] frame : FRAMES) {
      boundaries.add(boundaries.getLast() + frame.length);
    }
    for (int length = 0; length <= STREAM.length; length++) {
      for (int size : new int[] {1, 5, STREAM.length}) {
        Frames seen = new Frames();
        FrameDecoder cut = new FrameDecoder(seen);
        feed(cut, Arrays.copyOf(STREAM, length), size);
        assertNull(seen.mistake());
        boolean whole = boundaries.contains(length);
        assertEquals(!whole, cut.isMidFrame(), "after " + length + " bytes");
        cut.end();
        cut.end();
        ProtocolException mistake = seen.mistake();
        assertEquals(whole, mistake == null, "after " + length + " bytes");
        assertTrue(mistake == null || mistake.code() == ErrorCode.BAD_FRAME);
        int until = length;
        assertEquals(
            boundaries.stream().filter(end -> end > 0 && end <= until).count(), seen.list().size());
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "0, BAD_FRAME",
    "1, BAD_FRAME",
    "65537, HEADER_TOO_LARGE",
    "2147483647, HEADER_TOO_LARGE",
    "-2147483648, HEADER_TOO_LARGE",
    "-1, HEADER_TOO_LARGE",
  })
  void refusesABadLengthAtItsFourthByteAndNothingAfterIt(int length, ErrorCode code) {
    byte[] stream = RawFrames.concat(FRAMES[0], RawFrames.littleEndian(length), STREAM, STREAM);
    int last = FRAMES[0].length + 3;
    for (int size = 1; size <= stream.length; size++) {
      Frames seen = new Frames();
      FrameDecoder bad = new FrameDecoder(seen);
      feed(bad, Arrays.copyOf(stream, last), size);
      assertNull(seen.mistake());
      feed(bad, Arrays.copyOfRange(stream, last, stream.length), size);
      bad.end();
      ProtocolException mistake = seen.mistake();
      assertNotNull(mistake);
      assertEquals(code, mistake.code());
      assertEquals(1, seen.list().size());
      assertFalse(bad.isMidFrame());
    }
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '`',
      value = {
        "{}, BAD_FRAME",
        "[], BAD_FRAME",
        "`{\"total_size\":131073}`, BODY_TOO_LARGE",
        "`{\"total_size\":-1}`, BAD_FRAME",
        "`{\"total_size\":4294967295}`, BODY_TOO_LARGE",
        "`{\"total_size\":0}}`, BAD_FRAME",
        "`{\"id\":0,\"total_size\":0}`, BAD_FRAME",
      })
  void refusesABadHeaderAtItsLastByteAndNothingAfterIt(String header, ErrorCode code) {
    byte[] bad = RawFrames.frame(header);
    for (int size = 1; size <= bad.length + STREAM.length; size++) {
      Frames seen = new Frames();
      FrameDecoder one = new FrameDecoder(seen);
      feed(one, Arrays.copyOf(bad, bad.length - 1), size);
      assertNull(seen.mistake());
      feed(one, RawFrames.concat(new byte[] {bad[bad.length - 1]}, STREAM), size);
      ProtocolException mistake = seen.mistake();
      assertNotNull(mistake);
      assertEquals(code, mistake.code());
      assertEquals(List.of(), seen.list());
    }
  }

  @Test
  void allocatesNothingForWhatHasNotCome() {
    Buffer[] starts = {
      Buffer.buffer(RawFrames.littleEndian(0x7FFFFFFF)),
      Buffer.buffer(RawFrames.littleEndian(0xFFFFFFFF)),
      Buffer.buffer(RawFrames.littleEndian(65_536)).appendString("{"),
      Buffer.buffer(RawFrames.frame("{\"total_size\":131072}")),
      Buffer.buffer(RawFrames.frame("{\"total_size\":4294967295}")),
    };
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    for (Buffer start : starts) {
      long least = Long.MAX_VALUE;
      for (int round = 0; round < 20; round++) {
        FrameDecoder fresh = new FrameDecoder(new Frames());
        long before = threads.getCurrentThreadAllocatedBytes();
        fresh.handle(start);
        least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
      }
      assertTrue(least < 32_768, least + " bytes");
    }
  }

  @Test
  void keepsWholeFramesInsideWhilePaused() {
    decoder.pause();
    feed(decoder, STREAM, 10);
    assertEquals(List.of(), frames.list());
    assertFalse(decoder.isMidFrame(), "the peer can't go on");
    decoder.resume();
    assertAllFrames(frames);
  }

  @Test
  void waitsForThePeerAgainAfterAPause() {
    decoder.pause();
    decoder.handle(Buffer.buffer(Arrays.copyOf(FRAMES[0], 5)));
    assertFalse(decoder.isMidFrame());
    decoder.resume();
    assertTrue(decoder.isMidFrame());
    decoder.pause();
    decoder.end();
    assertNotNull(frames.mistake());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 1_000})
  void pausesBetweenTwoFramesOfOneChunk(int size) {
    Frames seen = new Frames();
    List<FrameDecoder> self = new ArrayList<>();
    FrameDecoder pausing =
        new FrameDecoder(
            new FrameDecoder.Output() {
              @Override
              public void frame(Frame frame) {
                seen.frame(frame);
                self.getFirst().pause();
              }

              @Override
              public void failed(ProtocolException mistake) {
                seen.failed(mistake);
              }
            });
    self.add(pausing);
    feed(pausing, STREAM, size);
    for (int count = 1; count < FRAMES.length; count++) {
      assertEquals(count, seen.list().size());
      pausing.resume();
    }
    assertAllFrames(seen);
    pausing.resume();
    pausing.end();
    assertAllFrames(seen);
  }

  @Test
  void resumesFromWithinAFrame() {
    List<FrameDecoder> self = new ArrayList<>();
    FrameDecoder both =
        new FrameDecoder(
            new FrameDecoder.Output() {
              @Override
              public void frame(Frame frame) {
                self.getFirst().pause();
                frames.frame(frame);
                self.getFirst().resume();
              }

              @Override
              public void failed(ProtocolException mistake) {
                frames.failed(mistake);
              }
            });
    self.add(both);
    feed(both, STREAM, STREAM.length);
    assertAllFrames(frames);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 10, 10_000})
  void emitsNothingOnceStopped(int size) {
    List<FrameDecoder> self = new ArrayList<>();
    FrameDecoder stopping =
        new FrameDecoder(
            new FrameDecoder.Output() {
              @Override
              public void frame(Frame frame) {
                frames.frame(frame);
                if (frames.list().size() == 2) {
                  self.getFirst().stop();
                }
              }

              @Override
              public void failed(ProtocolException mistake) {
                frames.failed(mistake);
              }
            });
    self.add(stopping);
    feed(stopping, RawFrames.concat(STREAM, RawFrames.littleEndian(0)), size);
    stopping.end();
    assertEquals(2, frames.list().size());
    assertNull(frames.mistake());
    assertFalse(stopping.isMidFrame());
  }

  @Test
  void saysHowFarItGotWhenTheStreamEnds() {
    feed(decoder, Arrays.copyOf(FRAMES[0], FRAMES[0].length - 2), 3);
    decoder.end();
    ProtocolException mistake = frames.mistake();
    assertNotNull(mistake);
    assertTrue(mistake.getMessage().contains("4 bytes of its body"), mistake.getMessage());
  }

  @Test
  void doesNotChangeTheChunksItIsGiven() {
    Buffer chunk = Buffer.buffer(STREAM);
    decoder.handle(chunk);
    decoder.handle(chunk);
    assertArrayEquals(STREAM, chunk.getBytes());
    assertEquals(2 * FRAMES.length, frames.list().size());
  }

  private static void feed(FrameDecoder decoder, byte[] bytes, int size) {
    for (int at = 0; at < bytes.length; at += size) {
      int end = Math.min(at + size, bytes.length);
      decoder.handle(Buffer.buffer(Arrays.copyOfRange(bytes, at, end)));
    }
  }

  private static void assertAllFrames(Frames seen) {
    assertNull(seen.mistake());
    assertEquals(FRAMES.length, seen.list().size());
    for (int i = 0; i < FRAMES.length; i++) {
      Frame frame = seen.list().get(i);
      byte[] end =
          Arrays.copyOfRange(FRAMES[i], FRAMES[i].length - frame.body().length, FRAMES[i].length);
      assertArrayEquals(end, frame.body());
    }
    assertEquals("é", seen.list().get(2).header().id());
    assertArrayEquals(RawFrames.body(70), seen.list().get(4).body());
  }
}
