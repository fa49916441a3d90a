package dev.runnel;

import java.io.Closeable;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** A client of the seed listener that looks closer than the original does. */
final class SeedClient implements Closeable {
  private static final int PATIENCE_MILLIS = 30_000;
  private static final String BEFORE_SIZE = "{\"filename\": \"a.txt\", \"total_size\": ";

  private final Socket socket;
  private final DataInputStream in;

  SeedClient(int port) throws IOException {
    socket = new Socket(InetAddress.getLoopbackAddress(), port);
    socket.setTcpNoDelay(true);
    socket.setSoTimeout(PATIENCE_MILLIS);
    in = new DataInputStream(socket.getInputStream());
  }

  int port() {
    return socket.getPort();
  }

  /** Sends the command, which the server reads at once if it is short and alone. */
  void send(String command) throws IOException {
    send(command.getBytes(StandardCharsets.UTF_8));
  }

  void send(byte[] bytes) throws IOException {
    socket.getOutputStream().write(bytes);
  }

  /** Reads an answer, whose header may be this one and no other. */
  byte[] answer() throws IOException {
    String header = readUtf8(Integer.reverseBytes(in.readInt()));
    int size = Integer.parseInt(header, BEFORE_SIZE.length(), header.length() - 1, 10);
    if (!header.equals(BEFORE_SIZE + size + "}")) {
      throw new IOException("header: " + header);
    }
    byte[] body = in.readNBytes(size);
    if (body.length < size) {
      throw new EOFException("body: " + body.length + " bytes (total_size: " + size + ")");
    }
    return body;
  }

  String text() throws IOException {
    return new String(answer(), StandardCharsets.UTF_8);
  }

  String run(String command) throws IOException {
    send(command);
    return text();
  }

  /** Whether the server closed without another byte; waits for either. */
  boolean isClosed() {
    try {
      return in.read() < 0;
    } catch (IOException reset) {
      return !(reset instanceof java.net.SocketTimeoutException);
    }
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }

  private String readUtf8(int bytes) throws IOException {
    return new String(in.readNBytes(bytes), StandardCharsets.UTF_8);
  }
}
