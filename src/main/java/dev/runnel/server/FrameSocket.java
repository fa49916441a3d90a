package dev.runnel.server;

import static jdk.net.ExtendedSocketOptions.SO_PEERCRED;

import dev.runnel.job.LentSlice;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.socket.DuplexChannel;
import io.netty.channel.socket.nio.NioChannelOption;
import io.netty.channel.socket.nio.NioDomainSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.ssl.NotSslRecordException;
import io.netty.handler.ssl.SslHandler;
import io.vertx.core.internal.net.NetSocketInternal;
import io.vertx.core.net.NetSocket;
import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import javax.net.ssl.SSLEngine;
import jdk.net.ExtendedSocketOptions;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The sending side of a connection, on its event loop. It writes to Netty's channel itself: output
 * goes from a log's memory to the socket without a copy, what was written since the last flush goes
 * in one system call, and it knows how much of either kind the peer has not taken.
 */
final class FrameSocket {
  // A copy of so few bytes costs less than a reference to them.
  private static final int COPIED_BYTES = 4 * 1024;

  /** How long a close waits for TLS's last word to be taken; 0 would be for ever. */
  private static final long CLOSE_NOTIFY_MILLIS = 1_000;

  /** What the kernel may be given ahead of what the peer's machine takes. */
  private static final int NOT_SENT_BYTES = 128 * 1024;

  /** Proxies commonly end connections after a minute in which nothing came. */
  private static final long IDLE_NANOS = Duration.ofSeconds(20).toNanos();

  private static final String NO_RENEGOTIATION = "TLSv1.3";

  private static final Logger LOG = LoggerFactory.getLogger(FrameSocket.class);

  private final ChannelHandlerContext channel;
  private final OutboundBytes.Account unsent;
  private final Runnable onTaken;
  private final KernelSendQueue tcp = new KernelSendQueue();
  private @Nullable TlsRecordGuard records;
  private @Nullable WebSocketFrames messages;
  private boolean dirty;

  /**
   * Wraps a socket just opened.
   *
   * @param unsent where it is counted what the transport has not taken
   * @param onTaken called whenever the transport took something
   */
  FrameSocket(NetSocket socket, OutboundBytes.Account unsent, Runnable onTaken) {
    this.unsent = unsent;
    this.channel = ((NetSocketInternal) socket).channelHandlerContext();
    this.onTaken = onTaken;
  }

  /** Bytes received that are no whole TLS record yet. */
  int heldBytes() {
    return records == null ? 0 : records.heldBytes();
  }

  /** Whether bytes can still be sent to the peer. */
  boolean isOpen() {
    return channel.channel().isActive();
  }

  /**
   * Has nothing read any more, but for what was read and not handed over yet. Not the socket's own
   * pause, which would first fill a queue of some hundred kilobytes.
   */
  void stopReading() {
    channel.channel().config().setAutoRead(false);
  }

  void readOn() {
    channel.channel().config().setAutoRead(true);
  }

  /**
   * Has the kernel probe a silent peer after half a minute, where its own default is two hours, and
   * take little ahead of what the peer's machine takes. Of TCP.
   */
  void prepare() {
    if (channel.channel() instanceof NioSocketChannel nio) {
      nio.config().setOption(NioChannelOption.of(ExtendedSocketOptions.TCP_KEEPIDLE), 30);
      nio.config().setOption(NioChannelOption.of(ExtendedSocketOptions.TCP_KEEPINTERVAL), 10);
      nio.config().setOption(NioChannelOption.of(ExtendedSocketOptions.TCP_KEEPCOUNT), 3);
      nio.config().setOption(ChannelOption.SO_SNDBUF, 2 * NOT_SENT_BYTES);
    } else {
      setEpollOption("TCP_KEEPIDLE", 30);
      setEpollOption("TCP_KEEPINTVL", 10);
      setEpollOption("TCP_KEEPCNT", 3);
      setEpollOption("TCP_NOTSENT_LOWAT", (long) NOT_SENT_BYTES);
    }
  }

  /** About what the kernel holds for the connection, as of the last look. */
  long kernelBytes() {
    boolean isFull = !unsent.isEmpty();
    return (isFull ? NOT_SENT_BYTES + tcp.inFlight() : 0)
        + (channel.channel().config().isAutoRead() ? 0 : tcp.receiveSpace());
  }

  /** Whether the peer's machine answers nothing any more; to be asked every few seconds. */
  boolean isLost(long now) {
    return tcp.isLost(channel.channel(), now);
  }

  // By name: the class that holds them is there with the native transport only.
  private <T> void setEpollOption(String name, T value) {
    ChannelOption<T> option =
        ChannelOption.valueOf("io.netty.channel.epoll.EpollChannelOption#" + name);
    channel.channel().config().setOption(option, value);
  }

  /**
   * Has all that is sent and received from now on go through TLS, beginning with the handshake. For
   * a connection that has not read anything yet.
   *
   * @param onSecured called with the peer's certificate, or null, before the first byte that comes
   *     through
   * @param onHeld called when {@link #heldBytes} may have changed
   * @param onFailed called with the reason if the peer tried and there will be none; the connection
   *     closes
   */
  void secure(
      SSLEngine engine,
      Consumer<List<X509Certificate>> onSecured,
      Runnable onHeld,
      Consumer<String> onFailed) {
    SslHandler tls = new SslHandler(engine);
    // The connection's own clock counts the handshake in.
    tls.setHandshakeTimeoutMillis(0);
    tls.setCloseNotifyFlushTimeoutMillis(CLOSE_NOTIFY_MILLIS);
    tls.handshakeFuture()
        .addListener(
            shaken -> {
              if (shaken.isSuccess()) {
                secured(engine, onSecured, onFailed);
              } else if (isAttempt(shaken.cause())) {
                onFailed.accept(reason(shaken.cause()));
              }
            });
    // The peer's last word, even if it leaves the connection open beneath.
    tls.sslCloseFuture().addListener(_ -> close());
    channel.pipeline().addFirst("ssl", tls);
    TlsRecordGuard records =
        new TlsRecordGuard(onHeld, () -> refuse("TLS: renegotiation", onFailed));
    channel.pipeline().addFirst("records", records);
    this.records = records;
  }

  private void secured(
      SSLEngine engine, Consumer<List<X509Certificate>> onSecured, Consumer<String> onFailed) {
    TlsRecordGuard seen = records;
    if (seen != null && !engine.getSession().getProtocol().equals(NO_RENEGOTIATION)) {
      seen.takeNoHandshake();
    }
    try {
      onSecured.accept(PeerCertificates.of(engine.getSession()));
    } catch (CertificateException _) {
      refuse("certificate: not accepted", onFailed);
    }
  }

  private void refuse(String reason, Consumer<String> onFailed) {
    onFailed.accept(reason);
    close();
  }

  // The exceptions' own words have what the peer sent in them, which may be a token.
  private static String reason(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof CertificateException) {
        return "certificate: not accepted";
      }
    }
    return "TLS: no handshake";
  }

  // Whoever left, or does not speak TLS at all, has not tried to get in.
  private static boolean isAttempt(Throwable failure) {
    return !(failure instanceof ClosedChannelException)
        && !(failure instanceof NotSslRecordException);
  }

  /**
   * All that is sent and received goes through the messages of a WebSocket.
   *
   * @param frames which is in the pipeline already
   * @param onMistake called with what is wrong with the peer's: the connection has to be ended
   */
  void carriedBy(WebSocketFrames frames, Consumer<String> onMistake) {
    messages = frames;
    frames.onMistake(onMistake);
  }

  /** Has something sent now and then, where there may be others in between who end what is idle. */
  void keepAlive(long now) {
    if (messages != null && unsent.isEmpty()) {
      messages.keepAlive(now, IDLE_NANOS);
    }
  }

  /** The user whose process connected to a Unix socket, by name or number; null: not known. */
  @Nullable String userOfPeer() {
    try {
      if (channel.channel() instanceof NioDomainSocketChannel nio) {
        return nio.config().getOption(NioChannelOption.of(SO_PEERCRED)).user().getName();
      }
      return channel.channel().getClass().getName().startsWith(Epoll.PACKAGE)
          ? Epoll.userOfPeer(channel.channel())
          : null;
    } catch (IOException _) {
      return null; // It is gone already.
    }
  }

  /** Of a library that is not there in every application. */
  private static final class Epoll {
    static final String PACKAGE = "io.netty.channel.epoll.";

    static @Nullable String userOfPeer(Channel channel) throws IOException {
      return channel instanceof EpollDomainSocketChannel unix
          ? Integer.toUnsignedString(unix.peerCredentials().uid())
          : null;
    }
  }

  /** Hands over a whole frame that is no output. */
  void answer(byte[] header, byte[] body) {
    int bytes = header.length + body.length;
    unsent.addAnswers(bytes);
    write(
        body.length == 0 ? Unpooled.wrappedBuffer(header) : Unpooled.wrappedBuffer(header, body),
        () -> unsent.addAnswers(-bytes));
  }

  /** Hands over a frame of output; the lease is closed when the transport took it. */
  void output(byte[] header, LentSlice lease) {
    int body = (int) lease.bytes().byteSize();
    int bytes = header.length + body;
    boolean isCopied = body <= COPIED_BYTES;
    ByteBuf head;
    try {
      head = channel.alloc().directBuffer(isCopied ? bytes : header.length);
    } catch (RuntimeException | Error e) {
      lease.close();
      throw e;
    }
    head.writeBytes(header);
    unsent.addOutput(bytes);
    if (isCopied) {
      head.writeBytes(lease.bytes().asByteBuffer());
      lease.close();
      write(head, () -> unsent.addOutput(-bytes));
    } else {
      write(head, () -> {});
      write(
          Unpooled.wrappedBuffer(lease.bytes().asByteBuffer()),
          () -> {
            lease.close();
            unsent.addOutput(-bytes);
          });
    }
  }

  /** The same of output that is in memory of the frame's own. */
  void output(byte[] header, byte[] body) {
    int bytes = header.length + body.length;
    unsent.addOutput(bytes);
    write(Unpooled.wrappedBuffer(header, body), () -> unsent.addOutput(-bytes));
  }

  /** Runs a task on the event loop once that has seen what has arrived meanwhile. */
  void afterReading(Runnable task) {
    var _ = channel.executor().schedule(task, 0, TimeUnit.NANOSECONDS);
  }

  /** Has the transport send what was handed over. */
  void flush() {
    if (dirty) {
      dirty = false;
      channel.flush();
    }
  }

  /** Closes the sending side once everything handed over is sent; the peer may still send. */
  void halfClose() {
    channel
        .writeAndFlush(Unpooled.EMPTY_BUFFER)
        .addListener(
            _ -> {
              SslHandler tls = channel.pipeline().get(SslHandler.class);
              if (messages != null) {
                messages.close();
              } else if (tls == null) {
                shutdownOutput();
              } else {
                tls.closeOutbound().addListener(_ -> shutdownOutput());
              }
            });
  }

  private void shutdownOutput() {
    if (channel.channel() instanceof DuplexChannel duplex) {
      var _ = duplex.shutdownOutput();
    }
  }

  /** Closes at once. The socket's own close would wait for a peer that does not read. */
  void close() {
    var _ = channel.close();
  }

  /** The same, without a last word to a peer that hears nothing. */
  void abort() {
    var _ = channel.channel().pipeline().firstContext().close();
  }

  private void write(ByteBuf bytes, Runnable account) {
    dirty = true;
    channel
        .write(bytes)
        .addListener(
            sent -> {
              account.run();
              if (sent.isSuccess()) {
                onTaken.run();
              } else {
                failed(sent.cause());
              }
            });
  }

  // With a frame missing, what follows it means something else.
  private void failed(Throwable cause) {
    if (!(cause instanceof IOException)) {
      LOG.warn(
          "write failed peer={} cause={}", channel.channel().remoteAddress(), cause.toString());
    }
    close();
  }
}
