package dev.runnel.bench;

import java.io.Closeable;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;

/** A loopback port where bytes are read and dropped. For one thread. */
final class Sink implements Closeable {
  private static final int BUFFER_BYTES = 512 * 1024;

  private final ServerSocketChannel listener;
  private final ByteBuffer buffer;

  private Sink(ServerSocketChannel listener, int bufferBytes) {
    this.listener = listener;
    this.buffer = ByteBuffer.allocateDirect(bufferBytes);
  }

  static Sink open() throws IOException {
    return open(BUFFER_BYTES);
  }

  /** One of many. */
  static Sink open(int bufferBytes) throws IOException {
    ServerSocketChannel listener = ServerSocketChannel.open();
    InetSocketAddress any = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    return new Sink(listener.bind(any), bufferBytes);
  }

  int port() {
    return listener.socket().getLocalPort();
  }

  /** Blocks until somebody has connected, sent and closed; how many bytes it was. */
  long receive() throws IOException {
    long bytes = 0;
    try (SocketChannel peer = listener.accept()) {
      for (int count = peer.read(buffer); count >= 0; count = peer.read(buffer)) {
        bytes += count;
        buffer.clear();
      }
    }
    return bytes;
  }

  @Override
  public void close() throws IOException {
    listener.close();
  }
}
