package dev.runnel.server;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;

/**
 * Counts what a connection holds of a TLS record that is not whole, in front of the handler that
 * holds it, and lets no second handshake through to it; what that handler sealed waits in a buffer
 * of its own length. On the connection's event loop. RFC 8446, section 5.1.
 */
final class TlsRecordGuard extends ChannelDuplexHandler {
  private static final int HEADER_BYTES = 5;
  private static final int LENGTH_AT = 3;

  private static final int HANDSHAKE = 22;

  private final Runnable onChange;
  private final Runnable onHandshake;
  private boolean shaken;
  private boolean refused;
  private int seen;
  private int length;

  /**
   * @param onChange called after what was read at once was handed on
   * @param onHandshake called if the peer begins another one; what it sends goes nowhere from then
   */
  TlsRecordGuard(Runnable onChange, Runnable onHandshake) {
    this.onChange = onChange;
    this.onHandshake = onHandshake;
  }

  /** The handshake is over, in a version that would know another. */
  void takeNoHandshake() {
    shaken = true;
  }

  /** Bytes of the record that is not whole. */
  int heldBytes() {
    return seen;
  }

  @Override
  public void channelRead(ChannelHandlerContext channel, Object message) {
    if (message instanceof ByteBuf bytes) {
      if (!refused && !count(bytes)) {
        refused = true;
        onHandshake.run();
      }
      if (refused) {
        bytes.release();
        return;
      }
    }
    channel.fireChannelRead(message);
  }

  // Each record is sealed into a buffer for the longest one, however short it is.
  @Override
  public void write(ChannelHandlerContext channel, Object message, ChannelPromise promise) {
    if (message instanceof ByteBuf sealed && sealed.readableBytes() < sealed.capacity() / 2) {
      ByteBuf exact;
      try {
        exact = channel.alloc().directBuffer(sealed.readableBytes()).writeBytes(sealed);
      } finally {
        sealed.release();
      }
      var _ = channel.write(exact, promise);
    } else {
      var _ = channel.write(message, promise);
    }
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext channel) {
    channel.fireChannelReadComplete();
    onChange.run();
  }

  /** False: it begins a handshake where there was one. */
  private boolean count(ByteBuf bytes) {
    int at = bytes.readerIndex();
    while (at < bytes.writerIndex()) {
      if (seen == 0 && shaken && bytes.getUnsignedByte(at) == HANDSHAKE) {
        return false;
      }
      if (seen < HEADER_BYTES) {
        if (seen >= LENGTH_AT) {
          length = length << 8 | bytes.getUnsignedByte(at);
        }
        seen++;
        at++;
      } else {
        int more = Math.min(HEADER_BYTES + length - seen, bytes.writerIndex() - at);
        seen += more;
        at += more;
      }
      if (seen >= HEADER_BYTES && seen == HEADER_BYTES + length) {
        seen = 0;
        length = 0;
      }
    }
    return true;
  }
}
