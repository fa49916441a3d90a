package dev.runnel.cli;

import dev.runnel.tls.ClientTls;
import dev.runnel.tls.TlsException;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocket;

/** TLS over a socket. Loaded only where TLS is asked for: a plain start has no time for it. */
final class TlsTransport implements Transport {
  /** As much as a record holds, and room for the headers between. */
  private static final int RECORD_BYTES = 16_384;

  private final SocketChannel channel;
  private final SSLSocket socket;
  private final InputStream in;
  private final OutputStream out;
  private final byte[] received = new byte[RECORD_BYTES];
  private final byte[] sent = new byte[RECORD_BYTES];

  private TlsTransport(SocketChannel channel, SSLSocket socket) throws IOException {
    this.channel = channel;
    this.socket = socket;
    this.in = socket.getInputStream();
    this.out = socket.getOutputStream();
  }

  /**
   * Shakes hands, which blocks.
   *
   * @throws IOException if it may go better another time
   * @throws Failure if it will not: the files are of no use, or one end does not trust the other
   */
  static TlsTransport open(Host.Tcp host, SocketChannel channel, Duration timeout)
      throws IOException, Failure {
    Host.Tls cover = (Host.Tls) host.cover();
    Socket plain = channel.socket();
    plain.setSoTimeout((int) Math.max(1, timeout.toMillis()));
    try {
      SSLSocket secured = ClientTls.of(cover.files()).secure(plain, cover.name(), host.port());
      plain.setSoTimeout(0);
      return new TlsTransport(channel, secured);
    } catch (TlsException e) {
      throw Failure.usage("TLS: " + e.getMessage());
    } catch (SSLException e) {
      if (isLost(e)) {
        throw new IOException("the connection was closed within the TLS handshake", e);
      }
      throw Failure.of("cannot reach " + host.name() + " by TLS: " + reason(e, cover));
    }
  }

  private static boolean isLost(SSLException e) {
    return e.getCause() instanceof EOFException
        || e.getCause() instanceof SocketException
        || e.getCause() instanceof SocketTimeoutException;
  }

  private static String reason(SSLException e, Host.Tls cover) {
    String message = String.valueOf(e.getMessage());
    if (message.contains("unable to find valid certification path")) {
      String ca = cover.files().ca() == null ? "the JDK's list (give --ca FILE)" : "--ca's";
      return "its certificate is of no CA in " + ca;
    }
    if (message.contains("Unsupported or unrecognized SSL message")) {
      return "it speaks no TLS there";
    }
    return Text.oneLine(message);
  }

  @Override
  public int read(ByteBuffer into) throws IOException {
    int read = in.read(received, 0, Math.min(received.length, into.remaining()));
    if (read > 0) {
      into.put(received, 0, read);
    }
    return read;
  }

  @Override
  public boolean isReadable() throws IOException {
    return in.available() > 0 || PlainTransport.isReadable(channel);
  }

  @Override
  public void write(ByteBuffer... parts) throws IOException {
    int filled = 0;
    for (ByteBuffer part : parts) {
      while (part.hasRemaining()) {
        int length = Math.min(part.remaining(), sent.length - filled);
        part.get(sent, filled, length);
        filled += length;
        if (filled == sent.length) {
          out.write(sent, 0, filled);
          filled = 0;
        }
      }
    }
    if (filled > 0) {
      out.write(sent, 0, filled);
    }
  }

  @Override
  public void endSending() throws IOException {
    socket.shutdownOutput();
  }

  @Override
  public boolean isOpen() {
    return channel.isOpen();
  }

  /** Closes what is beneath: the end of TLS itself would wait for a write that is stuck. */
  @Override
  public void close() throws IOException {
    channel.close();
  }
}
