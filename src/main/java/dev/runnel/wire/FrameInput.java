package dev.runnel.wire;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import org.jspecify.annotations.Nullable;

/**
 * Reads frames from a blocking channel, for one thread, as many bytes at a time as there are. The
 * channel stays the caller's to close.
 */
public final class FrameInput {
  /** The largest frame fits (4 + 65,536 + 131,072), and of the usual ones several. */
  private static final int BUFFER_BYTES = 262_144;

  private final ReadableByteChannel in;

  /** From position to limit: what was read and not yet taken. */
  private final ByteBuffer buffer;

  private int bodyStart;
  private int bodyBytes;

  public FrameInput(ReadableByteChannel in) {
    this.in = in;
    this.buffer = ByteBuffer.allocateDirect(BUFFER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    buffer.limit(0);
  }

  public FrameInput(InputStream in) {
    this(Channels.newChannel(in));
  }

  /**
   * Blocks until a frame is whole.
   *
   * @return null at the end of the stream, if it comes between two frames
   * @throws EOFException if it comes within one: output was lost
   * @throws ProtocolException if the peer's bytes are no frame
   */
  public @Nullable Frame next() throws IOException, ProtocolException {
    Header header = nextHeader();
    if (header == null) {
      return null;
    }
    byte[] body = new byte[bodyBytes];
    body().get(body);
    return new Frame(header, body);
  }

  /** As {@link #next}, but the body is not copied: {@link #body} shows it. */
  public @Nullable Header nextHeader() throws IOException, ProtocolException {
    if (!fill(1)) {
      return null;
    }
    require("length", Limits.PREFIX_BYTES);
    int length = Header.checkLength(Integer.toUnsignedLong(buffer.getInt()));
    require("header", length);
    byte[] bytes = new byte[length];
    buffer.get(bytes);
    Header header = Header.parse(bytes);
    require("body", header.totalSize());
    bodyStart = buffer.position();
    bodyBytes = header.totalSize();
    buffer.position(bodyStart + bodyBytes);
    return header;
  }

  /** The body of the frame that was read last; it stands until the next one is read. */
  public ByteBuffer body() {
    return buffer.slice(bodyStart, bodyBytes);
  }

  private void require(String what, int bytes) throws IOException {
    if (!fill(bytes)) {
      int got = buffer.remaining();
      throw new EOFException(
          "the connection ended within a frame: " + what + ": " + got + " of " + bytes + " bytes");
    }
  }

  /** Blocks until that many bytes are there; false: the stream ended before. */
  private boolean fill(int bytes) throws IOException {
    while (buffer.remaining() < bytes) {
      if (buffer.capacity() - buffer.position() < bytes || !buffer.hasRemaining()) {
        buffer.compact().flip();
      }
      int start = buffer.position();
      int end = buffer.limit();
      int read;
      try {
        read = in.read(buffer.limit(buffer.capacity()).position(end));
      } finally {
        buffer.limit(buffer.position()).position(start);
      }
      if (read < 0) {
        return false;
      }
    }
    return true;
  }
}
