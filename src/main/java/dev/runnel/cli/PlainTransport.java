package dev.runnel.cli;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;

/** A socket itself. */
final class PlainTransport implements Transport {
  private final SocketChannel channel;

  PlainTransport(SocketChannel channel) {
    this.channel = channel;
  }

  @Override
  public String cover() {
    return "no TLS";
  }

  @Override
  public int read(ByteBuffer into) throws IOException {
    return channel.read(into);
  }

  @Override
  public boolean isReadable() throws IOException {
    return isReadable(channel);
  }

  static boolean isReadable(SocketChannel channel) throws IOException {
    channel.configureBlocking(false);
    try (Selector selector = Selector.open()) {
      var _ = channel.register(selector, SelectionKey.OP_READ);
      return selector.selectNow() > 0;
    } finally {
      channel.configureBlocking(true);
    }
  }

  @Override
  public void write(ByteBuffer... parts) throws IOException {
    ByteBuffer last = parts[parts.length - 1];
    while (last.hasRemaining()) {
      var _ = channel.write(parts);
    }
  }

  @Override
  public void endSending() throws IOException {
    channel.shutdownOutput();
  }

  @Override
  public boolean isOpen() {
    return channel.isOpen();
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
