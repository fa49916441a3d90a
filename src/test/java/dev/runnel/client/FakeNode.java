package dev.runnel.client;

import dev.runnel.wire.RawFrames;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * A node that plays every connection by the same script, with frames made by hand. Closed with its
 * connections; a script that fails then, or because its client went, is over.
 */
final class FakeNode implements AutoCloseable {
  private static final int RECEIVE_BUFFER_BYTES = 4_096;

  private final ServerSocketChannel socket;
  private final List<Long> accepted = new CopyOnWriteArrayList<>();
  private final List<SocketChannel> connections = new CopyOnWriteArrayList<>();

  /** What it does with a connection, on a thread of its own; it is closed afterwards. */
  interface Script {
    void play(Peer peer) throws IOException;
  }

  private FakeNode(ServerSocketChannel socket, SocketAddress address, Script script)
      throws IOException {
    this.socket = socket;
    socket.bind(address);
    Thread.ofPlatform().daemon().name("fake node").start(() -> accept(script));
  }

  static FakeNode tcp(Script script) throws IOException {
    ServerSocketChannel socket = ServerSocketChannel.open();
    // Little fits on the way to who does not read.
    socket.setOption(StandardSocketOptions.SO_RCVBUF, RECEIVE_BUFFER_BYTES);
    return new FakeNode(socket, new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), script);
  }

  static FakeNode unix(Path path, Script script) throws IOException {
    return new FakeNode(
        ServerSocketChannel.open(StandardProtocolFamily.UNIX),
        UnixDomainSocketAddress.of(path),
        script);
  }

  /** Where a TCP one listens. */
  ClientOptions options() throws IOException {
    return ClientOptions.tcp("127.0.0.1", ((InetSocketAddress) socket.getLocalAddress()).getPort());
  }

  /** When each connection came, by {@link System#nanoTime}. */
  List<Long> accepted() {
    return accepted;
  }

  private void accept(Script script) {
    try {
      while (true) {
        SocketChannel connection = socket.accept();
        accepted.add(System.nanoTime());
        connections.add(connection);
        Thread.ofPlatform().daemon().name("fake peer").start(() -> play(script, connection));
      }
    } catch (IOException _) {
      // Closed.
    }
  }

  private static void play(Script script, SocketChannel connection) {
    try (connection) {
      script.play(new Peer(connection));
    } catch (IOException _) {
      // The client has gone, or the test is over.
    }
  }

  @Override
  public void close() throws IOException {
    socket.close();
    for (SocketChannel connection : connections) {
      connection.close();
    }
  }

  /** The client, as the node sees it. */
  static final class Peer {
    private final DataInputStream in;
    private final OutputStream out;

    private Peer(SocketChannel connection) {
      in = new DataInputStream(new BufferedInputStream(Channels.newInputStream(connection)));
      out = Channels.newOutputStream(connection);
    }

    /** The header of the next frame. */
    String read() throws IOException {
      String header =
          new String(in.readNBytes(Integer.reverseBytes(in.readInt())), StandardCharsets.UTF_8);
      int size = Integer.parseInt(header.replaceAll(".*\"total_size\":([0-9]+).*", "$1"));
      in.skipNBytes(size);
      return header;
    }

    /** The header of the next frame of that type; those before it are dropped. */
    String await(String type) throws IOException {
      String header = read();
      while (!header.contains("\"type\":\"" + type + "\"")) {
        header = read();
      }
      return header;
    }

    /** Answers the client's hello, and gives the id of what it asks next. */
    String greet() throws IOException {
      await("hello");
      send(
          "\"type\":\"hello\",\"id\":\"hello\",\"final\":true,\"version\":1,\"software\":\"x\","
              + "\"node\":\"n\",\"boot\":\"b\",\"max_header\":65536,\"max_body\":131072",
          "");
      return read().replaceAll(".*\"id\":\"([^\"]+)\".*", "$1");
    }

    void started(String id) throws IOException {
      send(
          "\"type\":\"started\",\"id\":\"%s\",\"final\":false,\"job\":\"j\",\"node\":\"n\",\"boot\":\"b\",\"pid\":7,\"state\":\"running\",\"next\":0"
              .formatted(id),
          "");
    }

    void output(String id, long offset, int bytes) throws IOException {
      send(
          "\"type\":\"output\",\"id\":\"%s\",\"final\":false,\"job\":\"j\",\"stream\":\"stdout\",\"offset\":%d"
              .formatted(id, offset),
          "x".repeat(bytes));
    }

    void send(String keys, String body) throws IOException {
      raw(frame(keys, body));
    }

    static byte[] frame(String keys, String body) {
      byte[] bytes = RawFrames.utf8(body);
      return RawFrames.frame("{" + keys + ",\"total_size\":" + bytes.length + "}", bytes);
    }

    void raw(byte[] bytes) throws IOException {
      out.write(bytes);
    }
  }
}
