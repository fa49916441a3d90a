package dev.runnel.server;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import java.nio.channels.ClosedChannelException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The bytes of a connection as the messages of a WebSocket: a handler between the socket and what
 * reads and writes frames, as TLS is one. Payloads are passed on as they come, so that messages of
 * any length take no memory, and what is written is a message of its own. Answers pings, of which
 * only the last one counts while its peer does not read. On the connection's event loop. RFC 6455,
 * without extensions.
 */
public final class WebSocketFrames extends ChannelDuplexHandler {
  static final int NORMAL = 1_000;
  static final int PROTOCOL_ERROR = 1_002;
  static final int UNSUPPORTED_DATA = 1_003;

  private static final int CONTINUATION = 0;
  private static final int TEXT = 1;
  private static final int BINARY = 2;
  private static final int CLOSE = 8;
  private static final int PING = 9;
  private static final int PONG = 10;

  private static final int FINAL = 0x80;
  private static final int RESERVED = 0x70;
  private static final int OPCODE = 0x0F;
  private static final int MASKED = 0x80;
  private static final int MASK_BYTES = 4;
  private static final int LENGTH_OF_16_BITS = 126;
  private static final int LENGTH_OF_64_BITS = 127;
  private static final int MAX_CONTROL_BYTES = 125;
  private static final int MAX_HEADER_BYTES = 10;
  private static final byte[] NOTHING = {};

  private @Nullable ChannelHandlerContext channel;
  private @Nullable Consumer<String> onMistake;
  private @Nullable ByteBuf early;

  // What is read.
  private int headerBytes;
  private int headerLength;
  private int opcode;
  private boolean isFinal;
  private boolean isMidMessage;
  private long left;
  private int mask;
  private final byte[] control = new byte[MAX_CONTROL_BYTES];
  private int controlBytes;
  private int takenTo;
  private boolean isOver;
  private boolean hasLeft;

  // What is written.
  private int closeCode = NORMAL;
  private boolean isClosing;
  private boolean isPinging;
  private boolean isAnswering;
  private byte @Nullable [] toAnswer;
  private long written = System.nanoTime();

  /** For one connection, before it is a WebSocket: what comes meanwhile waits. */
  public WebSocketFrames() {}

  @Override
  public void handlerAdded(ChannelHandlerContext context) {
    channel = context;
  }

  @Override
  public void handlerRemoved(ChannelHandlerContext context) {
    dropEarly();
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    dropEarly();
    context.fireChannelInactive();
  }

  private void dropEarly() {
    if (early != null) {
      early.release();
      early = null;
    }
  }

  /**
   * @param onMistake called at most once, with what is wrong: nothing more of the peer's comes, and
   *     the connection has to be ended by {@link #close()}, which says so
   */
  void onMistake(Consumer<String> onMistake) {
    this.onMistake = onMistake;
  }

  /** From now on what comes is passed on, beginning with what has come already. */
  void begin() {
    ByteBuf waiting = early;
    early = null;
    if (waiting != null && channel != null) {
      take(channel, waiting);
    }
  }

  // What its peer sends.

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    if (!(message instanceof ByteBuf bytes)) {
      context.fireChannelRead(message);
    } else if (onMistake == null) {
      // It did not wait for the answer to its handshake. One read at most: nothing yields
      // meanwhile.
      if (early == null) {
        early = bytes;
      } else {
        bytes.release();
        var _ = context.close();
      }
    } else {
      take(context, bytes);
    }
  }

  private void take(ChannelHandlerContext context, ByteBuf bytes) {
    int begin = bytes.readerIndex();
    int at = begin;
    int end = bytes.writerIndex();
    // Payload is moved down over the headers in between: what is read at once is passed on at once.
    takenTo = begin;
    String mistake = null;
    while (at < end && !isOver && mistake == null) {
      if (headerLength == 0 || headerBytes < headerLength) {
        mistake = header(bytes.getUnsignedByte(at));
        at++;
      } else {
        at = payload(bytes, at, (int) Math.min(left, end - at));
      }
      if (mistake == null && headerBytes > 0 && headerBytes == headerLength && left == 0) {
        mistake = ended(context);
      }
    }
    if (takenTo > begin) {
      context.fireChannelRead(bytes.setIndex(begin, takenTo));
    } else {
      bytes.release();
    }
    afterTaking(context, mistake);
  }

  private void afterTaking(ChannelHandlerContext context, @Nullable String mistake) {
    Consumer<String> told = onMistake;
    if (mistake != null && told != null) {
      isOver = true;
      hasLeft = true;
      if (isClosing) {
        var _ = context.close();
      } else {
        told.accept(mistake);
      }
    } else if (isOver && !hasLeft) {
      leave(context);
    }
  }

  // Its peer has said that it goes: after the same word from here nothing is sent.
  private void leave(ChannelHandlerContext context) {
    hasLeft = true;
    if (!isClosing) {
      closeCode = NORMAL;
      writeClose(context, "");
    }
    var _ = context.close();
  }

  /** Takes a byte of a message's header; says what is wrong with it. */
  private @Nullable String header(int value) {
    String mistake = null;
    if (headerBytes == 0) {
      mistake = first(value);
    } else if (headerBytes == 1) {
      mistake = second(value);
    } else if (headerBytes < headerLength - MASK_BYTES) {
      left = left << 8 | value;
    } else {
      mask = mask << 8 | value;
    }
    headerBytes++;
    if (mistake == null && headerBytes == headerLength && !isShortest()) {
      return protocolError("length: not in its shortest form");
    }
    return mistake;
  }

  private @Nullable String first(int value) {
    isFinal = (value & FINAL) != 0;
    opcode = value & OPCODE;
    left = 0;
    controlBytes = 0;
    if ((value & RESERVED) != 0) {
      return protocolError("reserved bits: set (expected: no extension)");
    }
    return switch (opcode) {
      case TEXT -> {
        closeCode = UNSUPPORTED_DATA;
        yield "message: text (expected: binary)";
      }
      case BINARY ->
          isMidMessage ? protocolError("message: within another (expected: a continuation)") : null;
      case CONTINUATION -> isMidMessage ? null : protocolError("continuation: of no message");
      case CLOSE, PING, PONG -> isFinal ? null : protocolError("control frame: in parts");
      default -> protocolError("opcode: " + opcode);
    };
  }

  private @Nullable String second(int value) {
    int length = value & ~MASKED;
    headerLength =
        2
            + MASK_BYTES
            + (length < LENGTH_OF_16_BITS ? 0 : length == LENGTH_OF_16_BITS ? 2 : Long.BYTES);
    left = length < LENGTH_OF_16_BITS ? length : 0;
    if ((value & MASKED) == 0) {
      return protocolError("payload: not masked");
    }
    return opcode >= CLOSE && length > MAX_CONTROL_BYTES
        ? protocolError("control frame: too long (limit: " + MAX_CONTROL_BYTES + ")")
        : null;
  }

  private boolean isShortest() {
    return switch (headerLength - MASK_BYTES) {
      case 2 -> true;
      case 4 -> left >= LENGTH_OF_16_BITS;
      default -> left > 0xFFFF;
    };
  }

  private String protocolError(String what) {
    closeCode = PROTOCOL_ERROR;
    return "WebSocket: " + what;
  }

  /** Takes so many bytes of payload, and says where the next ones are. */
  private int payload(ByteBuf bytes, int from, int length) {
    if (opcode < CLOSE) {
      unmask(bytes, from, length);
    } else {
      for (int i = 0; i < length; i++) {
        control[controlBytes++] = (byte) (bytes.getByte(from + i) ^ mask >>> 24);
        mask = Integer.rotateLeft(mask, 8);
      }
    }
    left -= length;
    return from + length;
  }

  private void unmask(ByteBuf bytes, int from, int length) {
    int at = from;
    int end = from + length;
    for (; at <= end - Integer.BYTES; at += Integer.BYTES, takenTo += Integer.BYTES) {
      bytes.setInt(takenTo, bytes.getInt(at) ^ mask);
    }
    for (; at < end; at++, takenTo++) {
      bytes.setByte(takenTo, bytes.getByte(at) ^ mask >>> 24);
      mask = Integer.rotateLeft(mask, 8);
    }
  }

  private @Nullable String ended(ChannelHandlerContext context) {
    headerBytes = 0;
    headerLength = 0;
    mask = 0;
    switch (opcode) {
      case PING -> answer(context, Arrays.copyOf(control, controlBytes));
      case CLOSE -> isOver = true;
      case PONG -> {}
      default -> isMidMessage = !isFinal;
    }
    return null;
  }

  // What is sent to it.

  @Override
  public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
    if (!(message instanceof ByteBuf bytes) || !bytes.isReadable()) {
      var _ = context.write(message, promise);
    } else if (isClosing) {
      bytes.release();
      promise.setFailure(new ClosedChannelException());
    } else {
      written = System.nanoTime();
      var _ = context.write(header(context, BINARY, bytes.readableBytes()));
      var _ = context.write(bytes, promise);
    }
  }

  private static ByteBuf header(ChannelHandlerContext context, int opcode, int length) {
    ByteBuf header = context.alloc().directBuffer(MAX_HEADER_BYTES).writeByte(FINAL | opcode);
    if (length < LENGTH_OF_16_BITS) {
      return header.writeByte(length);
    }
    return length <= 0xFFFF
        ? header.writeByte(LENGTH_OF_16_BITS).writeShort(length)
        : header.writeByte(LENGTH_OF_64_BITS).writeLong(length);
  }

  private static ByteBuf control(ChannelHandlerContext context, int opcode, byte[] payload) {
    return header(context, opcode, payload.length).writeBytes(payload);
  }

  // One is under way at most: else a peer that asks and does not read would fill the memory.
  private void answer(ChannelHandlerContext context, byte[] payload) {
    if (isAnswering) {
      toAnswer = payload;
    } else if (!isClosing) {
      isAnswering = true;
      context
          .writeAndFlush(control(context, PONG, payload))
          .addListener(
              _ -> {
                isAnswering = false;
                byte[] next = toAnswer;
                toAnswer = null;
                if (next != null && context.channel().isActive()) {
                  answer(context, next);
                }
              });
    }
  }

  /** Sends a ping if nothing else was sent for so long: what passes it on might end the idle. */
  void keepAlive(long now, long idleNanos) {
    ChannelHandlerContext context = channel;
    if (context != null && !isPinging && !isClosing && now - written >= idleNanos) {
      isPinging = true;
      written = now;
      context.writeAndFlush(control(context, PING, NOTHING)).addListener(_ -> isPinging = false);
    }
  }

  /**
   * Says that nothing more comes, after all that was written; the peer answers that, and leaves.
   */
  void close() {
    if (channel != null) {
      writeClose(channel, closeCode == UNSUPPORTED_DATA ? "binary messages only" : "");
    }
  }

  private void writeClose(ChannelHandlerContext context, String reason) {
    if (!isClosing) {
      isClosing = true;
      byte[] words = reason.getBytes(StandardCharsets.US_ASCII);
      ByteBuf close =
          header(context, CLOSE, Short.BYTES + words.length)
              .writeShort(closeCode)
              .writeBytes(words);
      var _ = context.writeAndFlush(close);
    }
  }
}
