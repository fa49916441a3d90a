package dev.runnel.wire;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Frames put together by hand, right and wrong ones. Shares no code with what is tested. */
public final class RawFrames {
  private RawFrames() {}

  /** A header and nothing after it. */
  public static byte[] frame(String header) {
    return frame(utf8(header), new byte[0]);
  }

  public static byte[] frame(String header, byte[] body) {
    return frame(utf8(header), body);
  }

  public static byte[] frame(byte[] header, byte[] body) {
    return concat(littleEndian(header.length), header, body);
  }

  /** The four bytes before a header; those of -1 are those of 0xFFFFFFFF. */
  public static byte[] littleEndian(int length) {
    return ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(length).array();
  }

  public static byte[] concat(byte[]... parts) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      all.writeBytes(part);
    }
    return all.toByteArray();
  }

  public static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** Bytes that differ from their neighbours, so that a shifted or repeated piece shows. */
  public static byte[] body(int length) {
    byte[] body = new byte[length];
    for (int i = 0; i < length; i++) {
      body[i] = (byte) (i * 31 + (i >>> 8));
    }
    return body;
  }
}
