package dev.runnel.wire;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/** Reads frames from a blocking stream, for one thread. The stream stays the caller's to close. */
public final class FrameInput {
  private final InputStream in;

  public FrameInput(InputStream in) {
    this.in = in;
  }

  /**
   * Blocks until a frame is whole.
   *
   * @return null at the end of the stream, if it comes between two frames
   * @throws EOFException if it comes within one: output was lost
   * @throws ProtocolException if the peer's bytes are no frame
   */
  public @Nullable Frame next() throws IOException, ProtocolException {
    byte[] prefix = in.readNBytes(Limits.PREFIX_BYTES);
    if (prefix.length == 0) {
      return null;
    }
    if (prefix.length < Limits.PREFIX_BYTES) {
      throw cut("length", prefix.length, Limits.PREFIX_BYTES);
    }
    Header header = Header.parse(readFully("header", Header.checkLength(littleEndian(prefix))));
    return new Frame(header, readFully("body", header.totalSize()));
  }

  private byte[] readFully(String what, int bytes) throws IOException {
    byte[] read = in.readNBytes(bytes);
    if (read.length < bytes) {
      throw cut(what, read.length, bytes);
    }
    return read;
  }

  private static EOFException cut(String what, int got, int expected) {
    return new EOFException(
        "the connection ended within a frame: " + what + ": " + got + " of " + expected + " bytes");
  }

  private static long littleEndian(byte[] prefix) {
    long value = 0;
    for (int i = 0; i < Limits.PREFIX_BYTES; i++) {
      value |= (prefix[i] & 0xFFL) << (8 * i);
    }
    return value;
  }
}
