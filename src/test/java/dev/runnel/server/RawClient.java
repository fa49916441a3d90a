package dev.runnel.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** A client made of a socket and nothing of ours, so that no mistake can be made on both sides. */
@SuppressWarnings("ArrayRecordComponent") // Read, never compared.
final class RawClient implements Closeable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int PATIENCE_MILLIS = 30_000;

  private final Socket socket;
  private final DataInputStream in;
  private final OutputStream out;

  /** What came: a header and its body. */
  record Answer(JsonNode header, byte[] body) {
    String type() {
      return header.path("type").asText();
    }

    boolean isFinal() {
      return header.path("final").asBoolean();
    }

    String text() {
      return new String(body, StandardCharsets.UTF_8);
    }

    @Override
    public String toString() {
      return header + " + " + body.length + " bytes";
    }
  }

  RawClient(int port) throws IOException {
    socket = new Socket(InetAddress.getLoopbackAddress(), port);
    socket.setSoTimeout(PATIENCE_MILLIS);
    socket.setTcpNoDelay(true);
    in = new DataInputStream(socket.getInputStream());
    out = socket.getOutputStream();
  }

  Socket socket() {
    return socket;
  }

  /** A frame's bytes; {@code total_size} is added to the keys, which may be empty. */
  static byte[] frame(String keys, byte[] body) {
    String header =
        "{" + keys + (keys.isEmpty() ? "" : ",") + "\"total_size\":" + body.length + "}";
    return rawFrame(header.getBytes(StandardCharsets.UTF_8), body);
  }

  static byte[] frame(String keys) {
    return frame(keys, new byte[0]);
  }

  static byte[] frame(String keys, String body) {
    return frame(keys, body.getBytes(StandardCharsets.UTF_8));
  }

  /** A length, these bytes as the header, these as the body. */
  static byte[] rawFrame(byte[] header, byte[] body) {
    ByteArrayOutputStream frame = new ByteArrayOutputStream();
    for (int i = 0; i < 4; i++) {
      frame.write(header.length >>> (8 * i));
    }
    frame.writeBytes(header);
    frame.writeBytes(body);
    return frame.toByteArray();
  }

  void send(byte[] bytes) throws IOException {
    out.write(bytes);
    out.flush();
  }

  void send(String keys) throws IOException {
    send(frame(keys));
  }

  void send(String keys, String body) throws IOException {
    send(frame(keys, body));
  }

  /** The next frame; {@link EOFException} at the end of the stream. */
  Answer next() throws IOException {
    int length = Integer.reverseBytes(in.readInt());
    byte[] header = in.readNBytes(length);
    JsonNode parsed = JSON.readTree(header);
    byte[] body = in.readNBytes(parsed.path("total_size").asInt());
    return new Answer(parsed, body);
  }

  /** Reads frames until one of that type comes, which is returned; the others are dropped. */
  Answer nextOfType(String type) throws IOException {
    while (true) {
      Answer answer = next();
      if (answer.type().equals(type)) {
        return answer;
      }
    }
  }

  /** Reads a whole answer to one request and returns it with all output put together. */
  Ran finish() throws IOException {
    ByteArrayOutputStream stdout = new ByteArrayOutputStream();
    ByteArrayOutputStream stderr = new ByteArrayOutputStream();
    while (true) {
      Answer answer = next();
      if (answer.type().equals("output")) {
        boolean toStdout = answer.header().path("stream").asText().equals("stdout");
        (toStdout ? stdout : stderr).writeBytes(answer.body());
      }
      if (answer.isFinal()) {
        return new Ran(answer.header(), stdout.toByteArray(), stderr.toByteArray());
      }
    }
  }

  /** The last header of an answer, and the output that came before it. */
  record Ran(JsonNode end, byte[] stdout, byte[] stderr) {
    String out() {
      return new String(stdout, StandardCharsets.UTF_8);
    }

    String err() {
      return new String(stderr, StandardCharsets.UTF_8);
    }
  }

  /** Whether the server closed the connection, with nothing more to read. */
  boolean isAtEnd() throws IOException {
    return in.read() < 0;
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
