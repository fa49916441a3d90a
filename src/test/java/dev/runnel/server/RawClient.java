package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
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
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A client made of a socket and nothing of ours, so that no mistake can be made on both sides. All
 * that it sends and gets goes past a {@link FrameChecker}.
 */
@SuppressWarnings("ArrayRecordComponent") // Read, never compared.
public final class RawClient implements Closeable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int PATIENCE_MILLIS = 30_000;

  private final Socket socket;
  private final DataInputStream in;
  private final OutputStream out;
  private final FrameChecker checker = new FrameChecker();
  // Read while another frame was looked for.
  private final Deque<Answer> kept = new ArrayDeque<>();
  private int asked;

  /** What came: a header and its body. */
  public record Answer(JsonNode header, byte[] body) {
    public String type() {
      return text("type");
    }

    /** Null: the request had none. */
    @Nullable String id() {
      return header.has("id") ? text("id") : null;
    }

    public boolean isFinal() {
      return header.path("final").asBoolean();
    }

    /** A key's value as text; empty without it. */
    public String text(String key) {
      return header.path(key).asText();
    }

    /** A key's value as a number; -1 without it. */
    public long number(String key) {
      return header.path(key).asLong(-1);
    }

    String text() {
      return new String(body, StandardCharsets.UTF_8);
    }

    @Override
    public String toString() {
      return header + " + " + body.length + " bytes";
    }
  }

  public RawClient(int port) throws IOException {
    this(new Socket(InetAddress.getLoopbackAddress(), port));
  }

  public RawClient(Socket socket) throws IOException {
    this.socket = socket;
    socket.setSoTimeout(PATIENCE_MILLIS);
    socket.setTcpNoDelay(true);
    in = new DataInputStream(socket.getInputStream());
    out = socket.getOutputStream();
  }

  /** By streams of another kind; {@link #socket} is of no use then. */
  public RawClient(InputStream in, OutputStream out) {
    this.socket = new Socket();
    this.in = new DataInputStream(in);
    this.out = out;
  }

  Socket socket() {
    return socket;
  }

  /**
   * A frame's bytes; {@code total_size} is added to the keys, which may be empty. For a quotation
   * mark an apostrophe will do.
   */
  public static byte[] frame(String keys, byte[] body) {
    String header =
        "{"
            + keys.replace('\'', '"')
            + (keys.isEmpty() ? "" : ",")
            + "\"total_size\":"
            + body.length
            + "}";
    return rawFrame(header.getBytes(StandardCharsets.UTF_8), body);
  }

  public static byte[] frame(String keys) {
    return frame(keys, new byte[0]);
  }

  public static byte[] frame(String keys, String body) {
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

  /** Frames in one packet. */
  static byte[] together(byte[]... frames) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (byte[] frame : frames) {
      all.writeBytes(frame);
    }
    return all.toByteArray();
  }

  public void send(byte[] bytes) throws IOException {
    checker.sent(bytes);
    out.write(bytes);
    out.flush();
  }

  public void send(String keys) throws IOException {
    send(frame(keys));
  }

  public void send(String keys, String body) throws IOException {
    send(frame(keys, body));
  }

  /** Sends a request, with an id added to it, and returns its final answer. */
  public Answer ask(String keys) throws IOException {
    String id = "asked-" + asked++;
    send("'id':'" + id + "'," + keys);
    Answer answer = finalOf(id);
    kept.removeIf(before -> id.equals(before.id()));
    return answer;
  }

  /** The next frame; {@link EOFException} at the end of the stream. */
  public Answer next() throws IOException {
    Answer before = kept.poll();
    return before == null ? read() : before;
  }

  private Answer read() throws IOException {
    int length = Integer.reverseBytes(in.readInt());
    byte[] header = in.readNBytes(length);
    JsonNode parsed = JSON.readTree(header);
    FrameChecker.checkSizes(length, parsed);
    byte[] body = new byte[parsed.path("total_size").asInt()];
    in.readFully(body);
    checker.received(parsed, body);
    return new Answer(parsed, body);
  }

  /** The first frame that fits; the others are kept for later. */
  Answer nextThat(Predicate<Answer> fits) throws IOException {
    for (Iterator<Answer> before = kept.iterator(); before.hasNext(); ) {
      Answer answer = before.next();
      if (fits.test(answer)) {
        before.remove();
        return answer;
      }
    }
    while (true) {
      Answer answer = read();
      if (fits.test(answer)) {
        return answer;
      }
      kept.add(answer);
    }
  }

  /** How many frames were read and not asked for yet. */
  int keptFrames() {
    return kept.size();
  }

  /** Drops frames of that type that were kept. */
  void dropKept(String type) {
    kept.removeIf(answer -> answer.type().equals(type));
  }

  /** The next frame with that id; the others are kept. */
  Answer nextOf(String id) throws IOException {
    return nextThat(answer -> id.equals(answer.id()));
  }

  /** The final frame with that id; the others are kept. */
  Answer finalOf(String id) throws IOException {
    return nextThat(answer -> id.equals(answer.id()) && answer.isFinal());
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

  /** The output that comes next, as text, until it has that many bytes; all else is kept. */
  String output(int bytes) throws IOException {
    ByteArrayOutputStream output = new ByteArrayOutputStream();
    while (output.size() < bytes) {
      output.writeBytes(nextThat(answer -> answer.type().equals("output")).body());
    }
    return output.toString(StandardCharsets.UTF_8);
  }

  /** Reads a whole answer to one request and returns it with all output put together. */
  Ran finish() throws IOException {
    return finish(_ -> true);
  }

  /** The same of the request with that id; frames of others are kept. */
  Ran finish(String id) throws IOException {
    return finish(answer -> id.equals(answer.id()));
  }

  private Ran finish(Predicate<Answer> fits) throws IOException {
    ByteArrayOutputStream stdout = new ByteArrayOutputStream();
    ByteArrayOutputStream stderr = new ByteArrayOutputStream();
    while (true) {
      Answer answer = nextThat(fits);
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

    String outcome() {
      return end.path("outcome").asText();
    }

    String job() {
      return end.path("job").asText();
    }
  }

  /** Reads up to the error that ends the connection, and that end; what came before is kept. */
  public Answer expectClose(String code) throws IOException {
    Answer error = nextThat(answer -> answer.header().path("close").asBoolean());
    assertEquals(code, error.text("code"), error::toString);
    assertTrue(isAtEnd(), error::toString);
    return error;
  }

  /** Whether the server closed the connection, with nothing more to read. */
  boolean isAtEnd() throws IOException {
    return in.read() < 0;
  }

  @Override
  public void close() throws IOException {
    in.close();
    socket.close();
  }
}
