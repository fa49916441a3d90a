package dev.runnel;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** The client's end of a WebSocket, made of a socket and nothing of ours. RFC 6455. */
final class RawWebSocket implements Closeable {
  static final int TEXT = 1;
  static final int BINARY = 2;
  static final int CLOSE = 8;
  static final int PING = 9;
  static final int PONG = 10;

  private static final int FINAL = 0x80;
  private static final String KEY = "dGhlIHNhbXBsZSBub25jZQ==";
  private static final String ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

  private final Socket socket;
  private final DataInputStream in;
  private final OutputStream out;
  private final List<String> pongs = new ArrayList<>();
  private byte[] payload = {};
  private int at;
  private int closeCode = -1;
  private String closeReason = "";

  private RawWebSocket(Socket socket) throws IOException {
    this.socket = socket;
    in = new DataInputStream(socket.getInputStream());
    out = socket.getOutputStream();
  }

  static Socket connect(int port) throws IOException {
    Socket socket = new Socket(InetAddress.getLoopbackAddress(), port);
    socket.setSoTimeout(30_000);
    socket.setTcpNoDelay(true);
    return socket;
  }

  /** The first bytes of a connection that becomes one. */
  static byte[] handshake(String... headers) {
    StringBuilder lines = new StringBuilder("GET /v1/frames HTTP/1.1\r\n");
    for (String header : headers) {
      lines.append(header).append("\r\n");
    }
    if (!String.join("\n", headers).contains("Host:")) {
      lines.append("Host: x\r\n");
    }
    lines.append("Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n");
    lines.append("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ").append(KEY).append("\r\n\r\n");
    return lines.toString().getBytes(ISO_8859_1);
  }

  /** Opens one; its server has to take it. */
  static RawWebSocket open(Socket socket, String... headers) throws IOException {
    RawWebSocket opened = new RawWebSocket(socket);
    opened.out.write(handshake(headers));
    opened.readAnswer();
    return opened;
  }

  static RawWebSocket open(int port, String... headers) throws IOException {
    return open(connect(port), headers);
  }

  /** The same with that already sent, after the handshake in the same packet. */
  static RawWebSocket openSending(int port, byte[] early) throws IOException {
    RawWebSocket opened = new RawWebSocket(connect(port));
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    all.writeBytes(handshake());
    all.writeBytes(message(FINAL | BINARY, early, 0, early.length));
    opened.out.write(all.toByteArray());
    opened.readAnswer();
    return opened;
  }

  private void readAnswer() throws IOException {
    ByteArrayOutputStream answer = new ByteArrayOutputStream();
    while (!answer.toString(ISO_8859_1).endsWith("\r\n\r\n")) {
      answer.write(in.readUnsignedByte());
    }
    String text = answer.toString(ISO_8859_1);
    if (!text.startsWith("HTTP/1.1 101 ") || !text.contains(ACCEPT)) {
      throw new IOException(text);
    }
    if (text.toLowerCase(Locale.ROOT).contains("extensions")) {
      throw new IOException("an extension: " + text);
    }
  }

  private static byte[] message(int first, byte[] bytes, int from, int length) {
    ByteArrayOutputStream message = new ByteArrayOutputStream();
    message.write(first);
    if (length < 126) {
      message.write(0x80 | length);
    } else if (length <= 0xFFFF) {
      message.write(0x80 | 126);
      message.write(length >>> 8);
      message.write(length);
    } else {
      message.write(0x80 | 127);
      for (int shift = 56; shift >= 0; shift -= 8) {
        message.write((int) ((long) length >>> shift));
      }
    }
    byte[] mask = {0x12, (byte) 0xFE, length > 200 ? 0 : (byte) length, 0x7F};
    message.writeBytes(mask);
    for (int i = 0; i < length; i++) {
      message.write(bytes[from + i] ^ mask[i & 3]);
    }
    return message.toByteArray();
  }

  /** Sends bytes in messages of that length. */
  void send(byte[] bytes, int each) throws IOException {
    ByteArrayOutputStream messages = new ByteArrayOutputStream();
    for (int from = 0; from < bytes.length; from += each) {
      messages.writeBytes(
          message(FINAL | BINARY, bytes, from, Math.min(each, bytes.length - from)));
    }
    out.write(messages.toByteArray());
  }

  /** Sends bytes as one message in parts of that length, with a ping before each but the first. */
  void sendInParts(byte[] bytes, int each) throws IOException {
    ByteArrayOutputStream parts = new ByteArrayOutputStream();
    for (int from = 0; from < bytes.length; from += each) {
      if (from > 0) {
        parts.writeBytes(control(PING, "at " + from));
      }
      int length = Math.min(each, bytes.length - from);
      int first = (from == 0 ? BINARY : 0) | (from + length == bytes.length ? FINAL : 0);
      parts.writeBytes(message(first, bytes, from, length));
    }
    out.write(parts.toByteArray());
  }

  private static byte[] control(int opcode, String words) {
    byte[] bytes = words.getBytes(StandardCharsets.UTF_8);
    return message(FINAL | opcode, bytes, 0, bytes.length);
  }

  void sendControl(int opcode, String words) throws IOException {
    out.write(control(opcode, words));
  }

  /** Sends what need not be a message. */
  void sendRaw(int... bytes) throws IOException {
    for (int each : bytes) {
      out.write(each);
    }
  }

  /** What its server's pings were answered with, or what it answered ours with. */
  List<String> pongs() {
    return pongs;
  }

  /** With which it was closed; -1: the connection ended without a word, or goes on. */
  int closeCode() {
    return closeCode;
  }

  String closeReason() {
    return closeReason;
  }

  /** The payload of its binary messages, without their boundaries. */
  InputStream input() {
    return new InputStream() {
      @Override
      public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
      }

      @Override
      public int read(byte[] into, int offset, int length) throws IOException {
        while (length > 0 && at == payload.length) {
          if (!next()) {
            return -1;
          }
        }
        int count = Math.min(length, payload.length - at);
        System.arraycopy(payload, at, into, offset, count);
        at += count;
        return count;
      }

      @Override
      public void close() throws IOException {
        socket.close();
      }
    };
  }

  /** What is sent through it goes in messages of that length. */
  OutputStream output(int each) {
    return new OutputStream() {
      @Override
      public void write(int one) throws IOException {
        send(new byte[] {(byte) one}, 1);
      }

      @Override
      public void write(byte[] bytes, int from, int length) throws IOException {
        send(Arrays.copyOfRange(bytes, from, from + length), each);
      }
    };
  }

  private boolean next() throws IOException {
    if (closeCode >= 0) {
      return false;
    }
    int opcode;
    try {
      opcode = in.readUnsignedByte();
    } catch (EOFException _) {
      return false;
    }
    int length = in.readUnsignedByte();
    byte[] body =
        new byte
            [length < 126 ? length : length == 126 ? in.readUnsignedShort() : (int) in.readLong()];
    in.readFully(body);
    switch (opcode) {
      case FINAL | BINARY -> {
        payload = body;
        at = 0;
      }
      case FINAL | PONG -> pongs.add(new String(body, StandardCharsets.UTF_8));
      case FINAL | PING -> sendControl(PONG, "");
      case FINAL | CLOSE -> {
        closeCode = Byte.toUnsignedInt(body[0]) * 256 + Byte.toUnsignedInt(body[1]);
        closeReason = new String(body, 2, body.length - 2, StandardCharsets.UTF_8);
        try {
          sendRaw(FINAL | CLOSE, 0x82, 0, 0, 0, 0, body[0], body[1]);
        } catch (IOException _) {
          // It was not waited for.
        }
      }
      default -> throw new IOException("a message of the kind " + opcode);
    }
    return true;
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
