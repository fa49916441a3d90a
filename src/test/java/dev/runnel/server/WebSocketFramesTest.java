package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPromise;
import io.netty.channel.embedded.EmbeddedChannel;
import java.io.ByteArrayOutputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Messages of a WebSocket, in every chunk that a socket may make of them. */
class WebSocketFramesTest {
  private static final int BINARY = 0x82;
  private static final int PING = 0x89;

  private final WebSocketFrames frames = new WebSocketFrames();
  private final List<String> mistakes = new ArrayList<>();

  private EmbeddedChannel begun() {
    EmbeddedChannel channel = new EmbeddedChannel(frames);
    frames.onMistake(mistakes::add);
    frames.begin();
    return channel;
  }

  private static byte[] message(int first, byte[] payload, byte[] mask) {
    ByteArrayOutputStream message = new ByteArrayOutputStream();
    message.write(first);
    if (payload.length < 126) {
      message.write(0x80 + payload.length);
    } else {
      message.write(0xFE);
      message.write(payload.length >>> 8);
      message.write(payload.length);
    }
    message.writeBytes(mask);
    for (int i = 0; i < payload.length; i++) {
      message.write(payload[i] ^ mask[i % 4]);
    }
    return message.toByteArray();
  }

  private static byte[] read(EmbeddedChannel channel) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (ByteBuf bytes = channel.readInbound(); bytes != null; bytes = channel.readInbound()) {
      byte[] some = new byte[bytes.readableBytes()];
      bytes.readBytes(some).release();
      all.writeBytes(some);
    }
    return all.toByteArray();
  }

  private static String written(EmbeddedChannel channel) {
    StringBuilder all = new StringBuilder();
    for (ByteBuf bytes = channel.readOutbound(); bytes != null; bytes = channel.readOutbound()) {
      byte[] some = new byte[bytes.readableBytes()];
      bytes.readBytes(some).release();
      all.append(HexFormat.of().formatHex(some));
    }
    return all.toString();
  }

  @Test
  void payloadsAreOneStreamWhateverTheChunking() {
    Random random = new Random(19);
    for (int round = 0; round < 300; round++) {
      ByteArrayOutputStream sent = new ByteArrayOutputStream();
      ByteArrayOutputStream messages = new ByteArrayOutputStream();
      boolean isMid = false;
      for (int i = 0; i < 20; i++) {
        byte[] payload = new byte[random.nextInt(10) == 0 ? random.nextInt(2_000) : i % 7];
        byte[] mask = new byte[4];
        random.nextBytes(payload);
        random.nextBytes(mask);
        boolean isFinal = random.nextBoolean();
        messages.writeBytes(message((isFinal ? 0x80 : 0) + (isMid ? 0 : 2), payload, mask));
        isMid = !isFinal;
        sent.writeBytes(payload);
        if (random.nextInt(4) == 0) {
          messages.writeBytes(message(PING, new byte[random.nextInt(125)], mask));
        }
      }
      WebSocketFrames each = new WebSocketFrames();
      EmbeddedChannel channel = new EmbeddedChannel(each);
      each.onMistake(mistakes::add);
      each.begin();
      byte[] all = messages.toByteArray();
      int most = 1 + random.nextInt(round % 2 == 0 ? 5 : 5_000);
      ByteArrayOutputStream got = new ByteArrayOutputStream();
      for (int from = 0; from < all.length; ) {
        int length = Math.min(all.length - from, 1 + random.nextInt(most));
        channel.writeInbound(Unpooled.copiedBuffer(all, from, length));
        got.writeBytes(read(channel));
        from += length;
      }
      assertEquals(List.of(), mistakes);
      assertEquals(
          HexFormat.of().formatHex(sent.toByteArray()),
          HexFormat.of().formatHex(got.toByteArray()));
      var _ = channel.finishAndReleaseAll();
    }
  }

  @Test
  void whatIsWrittenIsAMessageWithTheShortestLength() {
    EmbeddedChannel channel = begun();
    for (int length : List.of(1, 125, 126, 65_535, 65_536)) {
      var _ = channel.writeOutbound(Unpooled.wrappedBuffer(new byte[length]));
      String expected =
          length < 126
              ? "82%02x".formatted(length)
              : length < 65_536 ? "827e%04x".formatted(length) : "827f%016x".formatted(length);
      assertEquals(expected + "00".repeat(length), written(channel));
    }
    var _ = channel.writeOutbound(Unpooled.EMPTY_BUFFER);
    assertEquals("", written(channel));
  }

  /** Takes nothing that is written, as a socket whose peer does not read. */
  private static final class Deaf extends ChannelOutboundHandlerAdapter {
    final List<ByteBuf> held = new ArrayList<>();
    final List<ChannelPromise> promises = new ArrayList<>();

    @Override
    public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
      held.add((ByteBuf) message);
      promises.add(promise);
    }
  }

  @Test
  void ofPingsThatCannotBeAnsweredTheLastOneIs() {
    Deaf deaf = new Deaf();
    EmbeddedChannel channel = new EmbeddedChannel(deaf, frames);
    frames.onMistake(mistakes::add);
    frames.begin();
    for (int i = 0; i < 1_000; i++) {
      byte[] payload = {(byte) (i >>> 8), (byte) i};
      channel.writeInbound(Unpooled.wrappedBuffer(message(PING, payload, new byte[4])));
    }
    assertEquals(1, deaf.held.size());
    assertEquals(0x8A, deaf.held.getFirst().getUnsignedByte(0));
    deaf.promises.getFirst().setSuccess();
    assertEquals(2, deaf.held.size());
    assertEquals(999, deaf.held.getLast().getUnsignedShort(2));
    deaf.promises.getLast().setSuccess();
    assertEquals(2, deaf.held.size());
    deaf.held.forEach(ByteBuf::release);
  }

  @Test
  void pingsWhenNothingWasSentForSoLongAndOneAtATime() {
    EmbeddedChannel channel = begun();
    long idle = Duration.ofSeconds(20).toNanos();
    long now = System.nanoTime();
    frames.keepAlive(now, idle);
    assertEquals("", written(channel));
    frames.keepAlive(now + idle, idle);
    assertEquals("8900", written(channel));
    frames.keepAlive(now + idle + 1, idle);
    assertEquals("", written(channel));
    frames.keepAlive(now + 3 * idle, idle);
    assertEquals("8900", written(channel));
    var _ = channel.writeOutbound(Unpooled.wrappedBuffer(new byte[1]));
    frames.close();
    frames.keepAlive(now + 9 * idle, idle);
    assertEquals("820100" + "880203e8", written(channel));
  }

  @Test
  void whatCameBeforeItBeganComesThen() {
    EmbeddedChannel channel = new EmbeddedChannel(frames);
    channel.writeInbound(Unpooled.wrappedBuffer(message(BINARY, new byte[] {7}, new byte[4])));
    assertNull(channel.readInbound());
    frames.onMistake(mistakes::add);
    frames.begin();
    assertEquals("07", HexFormat.of().formatHex(read(channel)));
    // As it is on one stack, a second read before that is nothing that may be lost.
    EmbeddedChannel other = new EmbeddedChannel(new WebSocketFrames());
    other.writeInbound(Unpooled.wrappedBuffer(new byte[] {1}));
    other.writeInbound(Unpooled.wrappedBuffer(new byte[] {2}));
    assertFalse(other.isOpen());
  }

  @Test
  void closeOfThePeerIsAnsweredAndEndsItAndNothingIsWrittenAfterOurs() {
    EmbeddedChannel channel = begun();
    byte[] both =
        HexFormat.of().parseHex("8281000000002a" + "888200000000" + "03e9" + "82810000000001");
    channel.writeInbound(Unpooled.wrappedBuffer(both));
    assertEquals("2a", HexFormat.of().formatHex(read(channel)));
    assertEquals("880203e8", written(channel));
    assertFalse(channel.isOpen());

    WebSocketFrames ours = new WebSocketFrames();
    EmbeddedChannel other = new EmbeddedChannel(ours);
    ours.onMistake(mistakes::add);
    ours.begin();
    ours.close();
    assertEquals("880203e8", written(other));
    assertThrows(
        java.nio.channels.ClosedChannelException.class,
        () -> other.writeOutbound(Unpooled.wrappedBuffer(new byte[1])));
    assertTrue(other.isOpen());
    other.writeInbound(Unpooled.wrappedBuffer(HexFormat.of().parseHex("888200000000" + "03e8")));
    assertEquals("", written(other));
    assertFalse(other.isOpen());
  }

  @Test
  void mistakesAreToldOnceAndNothingComesAfterThem() {
    EmbeddedChannel channel = begun();
    channel.writeInbound(
        Unpooled.wrappedBuffer(
            HexFormat.of().parseHex("82810000000001" + "8181" + "00000000" + "61")));
    channel.writeInbound(Unpooled.wrappedBuffer(HexFormat.of().parseHex("82810000000002")));
    assertEquals("01", HexFormat.of().formatHex(read(channel)));
    assertEquals(List.of("message: text (expected: binary)"), mistakes);
    frames.close();
    String close = written(channel);
    assertNotNull(close);
    assertTrue(close.startsWith("881603eb"), close);
  }
}
