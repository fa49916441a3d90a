package dev.runnel.cli;

import dev.runnel.model.SafeText;
import dev.runnel.tls.ClientTls;
import dev.runnel.tls.SecureSocket;
import dev.runnel.tls.TlsException;
import java.io.IOException;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import javax.net.ssl.SSLException;

/** TLS over a socket. Loaded only where TLS is asked for: a plain start has no time for it. */
final class TlsTransport implements Transport {
  private final SocketChannel channel;
  private final SecureSocket socket;

  private TlsTransport(SocketChannel channel, SecureSocket socket) {
    this.channel = channel;
    this.socket = socket;
  }

  /**
   * Reads the files, and loads what TLS takes.
   *
   * @throws Failure if the files are of no use
   */
  static ClientTls prepare(Host.Tls cover) throws Failure {
    try {
      return ClientTls.of(cover.files());
    } catch (TlsException e) {
      throw Failure.usage("TLS: " + e.getMessage());
    }
  }

  /**
   * Shakes hands, which blocks.
   *
   * @throws IOException if it may go better another time
   * @throws Failure if it will not: one end does not trust the other
   */
  static TlsTransport open(Host.Tcp host, ClientTls tls, SocketChannel channel, Duration timeout)
      throws IOException, Failure {
    Host.Tls cover = (Host.Tls) host.cover();
    Socket plain = channel.socket();
    plain.setSoTimeout((int) Math.max(1, timeout.toMillis()));
    try {
      SecureSocket secured = tls.secure(plain, cover.name(), host.port());
      plain.setSoTimeout(0);
      return new TlsTransport(channel, secured);
    } catch (SSLException e) {
      throw Failure.of("cannot reach " + host.name() + " by TLS: " + reason(e, tls, cover));
    }
  }

  private static String reason(SSLException e, ClientTls tls, Host.Tls cover) {
    String message = String.valueOf(e.getMessage());
    String refusal = tls.refusal(e, cover.name());
    if (refusal != null) {
      return SafeText.oneLine(refusal);
    }
    if (message.contains("Unrecognized SSL message")) {
      return "it speaks no TLS there";
    }
    return SafeText.oneLine(message);
  }

  @Override
  public String cover() {
    return socket.described();
  }

  @Override
  public int read(ByteBuffer into) throws IOException {
    return socket.read(into);
  }

  @Override
  public boolean isReadable() throws IOException {
    return socket.hasOpened() || PlainTransport.isReadable(channel);
  }

  @Override
  public void write(ByteBuffer... parts) throws IOException {
    socket.write(parts);
  }

  @Override
  public void endSending() throws IOException {
    socket.endSending();
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
