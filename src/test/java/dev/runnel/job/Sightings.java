package dev.runnel.job;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.runnel.model.Stream;
import java.io.ByteArrayOutputStream;
import java.util.Arrays;

/** What all followers of a job have read, which must agree wherever two of them read the same. */
final class Sightings {
  private static final byte NOBODY = 0;

  private byte[] values = {};
  // By its number, or nobody's.
  private byte[] streams = {};

  void saw(long offset, Stream stream, byte[] bytes) {
    byte number = number(stream);
    int from = (int) offset;
    grow(from + bytes.length);
    for (int i = 0; i < bytes.length; i++) {
      int at = from + i;
      if (streams[at] == NOBODY) {
        streams[at] = number;
        values[at] = bytes[i];
      } else if (streams[at] != number || values[at] != bytes[i]) {
        throw new AssertionError("two readings of offset " + at);
      }
    }
  }

  private void grow(int length) {
    if (length > streams.length) {
      values = Arrays.copyOf(values, length);
      streams = Arrays.copyOf(streams, length);
    }
  }

  /** Whether somebody read every byte of a log of that length. */
  boolean isWhole(long length) {
    assertEquals(Math.max(length, streams.length), length, "bytes beyond the end");
    return streams.length == length && select(NOBODY).length == 0;
  }

  /** What was seen of a stream, without what nobody saw. */
  byte[] of(Stream stream) {
    return select(number(stream));
  }

  private static byte number(Stream stream) {
    return (byte) (stream == Stream.STDOUT ? 1 : 2);
  }

  private byte[] select(byte wanted) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int i = 0; i < streams.length; i++) {
      if (streams[i] == wanted) {
        bytes.write(values[i]);
      }
    }
    return bytes.toByteArray();
  }
}
