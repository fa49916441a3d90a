package dev.runnel.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.util.Random;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@NullMarked
class FrameInputTest {
  /** Gives at most so many bytes at a time. */
  private static final class Trickle implements ReadableByteChannel {
    private final ByteBuffer bytes;
    private final int most;

    Trickle(byte[] bytes, int most) {
      this.bytes = ByteBuffer.wrap(bytes);
      this.most = most;
    }

    @Override
    public int read(ByteBuffer into) {
      if (!bytes.hasRemaining()) {
        return -1;
      }
      int count = Math.min(Math.min(most, into.remaining()), bytes.remaining());
      into.put(bytes.slice(bytes.position(), count));
      bytes.position(bytes.position() + count);
      return count;
    }

    @Override
    public boolean isOpen() {
      return true;
    }

    @Override
    public void close() {}
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 4_096, 100_000, 262_144, Integer.MAX_VALUE})
  void showsEveryBodyWhateverTheChunking(int most) throws Exception {
    Random random = new Random(most);
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    int[] sizes = new int[most < 4_096 ? 8 : 200];
    for (int i = 0; i < sizes.length; i++) {
      sizes[i] = i % 7 == 0 ? Limits.MAX_BODY_BYTES : random.nextInt(Limits.MAX_BODY_BYTES + 1);
      all.writeBytes(
          RawFrames.frame("{\"total_size\":" + sizes[i] + "}", RawFrames.body(sizes[i])));
    }
    FrameInput in = new FrameInput(new Trickle(all.toByteArray(), most));
    for (int size : sizes) {
      Header header = in.nextHeader();
      assertNotNull(header);
      assertEquals(ByteBuffer.wrap(RawFrames.body(size)), in.body());
    }
    assertNull(in.nextHeader());
  }

  @Test
  void takesTheLargestFrame() throws Exception {
    String padding = "x".repeat(Limits.MAX_HEADER_BYTES - 30);
    String start = "{\"total_size\":131072,\"x\":\"" + padding;
    String header = start + "y".repeat(Limits.MAX_HEADER_BYTES - start.length() - 2) + "\"}";
    byte[] frame = RawFrames.frame(header, RawFrames.body(Limits.MAX_BODY_BYTES));
    FrameInput in = new FrameInput(new Trickle(RawFrames.concat(frame, frame, frame), 200_001));
    for (int i = 0; i < 3; i++) {
      Frame read = in.next();
      assertNotNull(read);
      assertEquals(
          ByteBuffer.wrap(RawFrames.body(Limits.MAX_BODY_BYTES)), ByteBuffer.wrap(read.body()));
    }
  }

  @Test
  void tellsACutFromAnEnd() throws Exception {
    byte[] frame = RawFrames.frame("{\"total_size\":3}", new byte[] {1, 2, 3});
    for (int length = 1; length < frame.length; length++) {
      FrameInput in = new FrameInput(new Trickle(java.util.Arrays.copyOf(frame, length), 5));
      assertThrows(EOFException.class, in::next, "after " + length + " bytes");
    }
    assertNull(new FrameInput(new Trickle(new byte[0], 5)).next());
  }
}
