package dev.runnel.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.runnel.model.Request;
import dev.runnel.wire.RequestEncoder;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SocketChannel;
import org.jspecify.annotations.Nullable;

/**
 * A connection that costs its machine as little as it can, because that may be the server's, too:
 * headers are searched rather than parsed, and bodies are dropped where they are. For one thread.
 */
final class BenchConnection implements Closeable {
  private static final int BUFFER_BYTES = 512 * 1024;
  private static final String TOTAL_SIZE = "\"total_size\":";
  private static final String FINAL = "\"final\":true";
  private static final String STARTED = "\"type\":\"started\"";
  private static final String OUTPUT = "\"type\":\"output\"";
  private static final String SUCCESS = "\"outcome\":\"exited\",\"exit_code\":0,";
  private static final String ID = "\"id\":\"";

  private final SocketChannel channel;
  private final ByteBuffer in;
  private String header = "";

  private BenchConnection(SocketChannel channel, int bufferBytes) {
    this.channel = channel;
    this.in = ByteBuffer.allocateDirect(bufferBytes).order(ByteOrder.LITTLE_ENDIAN).flip();
  }

  /** Connects and says who we are. */
  static BenchConnection open(MeasuredServer server) throws IOException {
    return open(server, BUFFER_BYTES);
  }

  /**
   * The same, to be one of many.
   *
   * @param bufferBytes no less than a header may have
   */
  static BenchConnection open(MeasuredServer server, int bufferBytes) throws IOException {
    SocketChannel channel = connect(server);
    if (server.address() instanceof InetSocketAddress) {
      channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
    }
    BenchConnection link = new BenchConnection(channel, bufferBytes);
    try {
      link.send(RequestEncoder.encode("hello", new Request.Hello(1, server.token())));
      link.awaitAnswer("\"type\":\"hello\"");
      return link;
    } catch (IOException e) {
      link.close();
      throw e;
    }
  }

  private static SocketChannel connect(MeasuredServer server) throws IOException {
    try {
      return SocketChannel.open(server.address());
    } catch (IOException e) {
      throw new IOException("cannot reach " + server.host() + ": " + e.getMessage(), e);
    }
  }

  /** Blocks until all of it is with the transport. */
  void send(byte[] frame) throws IOException {
    ByteBuffer rest = ByteBuffer.wrap(frame);
    while (rest.hasRemaining()) {
      var _ = channel.write(rest);
    }
  }

  /** Blocks until a command that was run has ended; the bytes of output that came before. */
  long awaitEnd() throws IOException {
    return awaitAnswer(SUCCESS);
  }

  /** Blocks until there is output, drops it, and says how many bytes it was. */
  int awaitOutput() throws IOException {
    while (true) {
      int bytes = nextFrame();
      if (header.contains(FINAL)) {
        throw new IOException("ended before it answered: " + header);
      }
      if (header.contains(OUTPUT)) {
        return bytes;
      }
    }
  }

  /** Blocks until the command that was run, or is to be followed, runs. */
  void awaitStarted() throws IOException {
    do {
      var _ = nextFrame();
      if (header.contains(FINAL)) {
        throw new IOException("ended before it began: " + header);
      }
    } while (!header.contains(STARTED));
  }

  /** The id of the answer that ended last; null: it has none. */
  @Nullable String endedId() {
    int start = header.indexOf(ID) + ID.length();
    return start < ID.length() ? null : header.substring(start, header.indexOf('"', start));
  }

  private long awaitAnswer(String good) throws IOException {
    long output = 0;
    while (true) {
      output += nextFrame();
      if (header.contains(FINAL)) {
        if (!header.contains(good)) {
          throw new IOException("unexpected answer: " + header);
        }
        return output;
      }
    }
  }

  /** Reads a header, and drops its body; the body's length. */
  private int nextFrame() throws IOException {
    await(Integer.BYTES);
    byte[] bytes = new byte[in.getInt()];
    await(bytes.length);
    in.get(bytes);
    header = new String(bytes, UTF_8);
    int size = number(header.lastIndexOf(TOTAL_SIZE) + TOTAL_SIZE.length());
    drop(size);
    return size;
  }

  private int number(int from) {
    int number = 0;
    for (int i = from; Character.isDigit(header.charAt(i)); i++) {
      number = 10 * number + header.charAt(i) - '0';
    }
    return number;
  }

  private void await(int bytes) throws IOException {
    if (in.remaining() < bytes) {
      in.compact();
      read(bytes);
    }
  }

  private void drop(int bytes) throws IOException {
    int left = bytes;
    while (left > in.remaining()) {
      left -= in.remaining();
      in.clear();
      read(1);
    }
    in.position(in.position() + left);
  }

  /** Until there are so many. */
  private void read(int bytes) throws IOException {
    while (in.position() < bytes) {
      if (channel.read(in) < 0) {
        throw new EOFException("the server closed the connection");
      }
    }
    in.flip();
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
