package dev.runnel.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.runnel.model.Stream;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.EnumMap;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

/** Output between the connection and our stdout. */
@NullMarked
class OutputBufferTest {
  private static final int MAX_BYTES = 300_000;

  private final OutputBuffer backlog = new OutputBuffer(MAX_BYTES);

  private static byte[] take(OutputBuffer.Piece piece) {
    byte[] bytes = new byte[piece.bytes().remaining()];
    piece.bytes().get(bytes);
    return bytes;
  }

  private OutputBuffer.Piece next() throws Failure {
    OutputBuffer.Piece piece = backlog.take();
    assertNotNull(piece);
    return piece;
  }

  private static Map<Stream, ByteArrayOutputStream> both() {
    Map<Stream, ByteArrayOutputStream> both = new EnumMap<>(Stream.class);
    for (Stream stream : Stream.values()) {
      both.put(stream, new ByteArrayOutputStream());
    }
    return both;
  }

  private static ByteArrayOutputStream of(Map<Stream, ByteArrayOutputStream> both, Stream stream) {
    ByteArrayOutputStream one = both.get(stream);
    assertNotNull(one);
    return one;
  }

  @Test
  void givesWhatWasPutInItsOrderWhateverThePieces() throws Exception {
    Random random = new Random(7);
    Map<Stream, ByteArrayOutputStream> put = both();
    Map<Stream, ByteArrayOutputStream> got = both();
    CompletableFuture<Void> reader =
        CompletableFuture.runAsync(
            () -> {
              try {
                long offset = 0;
                OutputBuffer.Piece piece;
                while ((piece = backlog.take()) != null) {
                  byte[] bytes = take(piece);
                  offset += bytes.length;
                  assertEquals(offset, piece.end());
                  of(got, piece.stream()).writeBytes(bytes);
                  var _ = backlog.release();
                }
              } catch (Failure e) {
                throw new AssertionError(e);
              }
            });
    long offset = 0;
    for (int i = 0; i < 400; i++) {
      byte[] bytes = new byte[random.nextInt(i % 20 == 0 ? 131_072 : 3_000)];
      random.nextBytes(bytes);
      Stream stream = random.nextBoolean() ? Stream.STDOUT : Stream.STDERR;
      backlog.put(stream, offset, ByteBuffer.wrap(bytes));
      of(put, stream).writeBytes(bytes);
      offset += bytes.length;
    }
    backlog.finish();
    reader.get(30, TimeUnit.SECONDS);
    for (Stream stream : Stream.values()) {
      assertArrayEquals(of(put, stream).toByteArray(), of(got, stream).toByteArray());
    }
  }

  @Test
  void dropsMuchButWhatIsBeingWritten() throws Exception {
    backlog.put(Stream.STDOUT, 100, ByteBuffer.wrap(new byte[10]));
    OutputBuffer.Piece piece = next();
    backlog.put(Stream.STDERR, 110, ByteBuffer.wrap(new byte[20]));
    backlog.put(Stream.STDOUT, 130, ByteBuffer.wrap(new byte[OutputBuffer.LITTLE_BYTES]));
    assertEquals(110, backlog.drop(130 + OutputBuffer.LITTLE_BYTES));
    assertEquals(110, piece.end());
    var _ = backlog.release();
    assertEquals(110, backlog.drop(110));
    backlog.put(Stream.STDERR, 110, ByteBuffer.wrap(new byte[] {1, 2, 3}));
    assertArrayEquals(new byte[] {1, 2, 3}, take(next()));
  }

  @Test
  void dropsMuchThatNobodyBeganToWrite() throws Exception {
    backlog.put(Stream.STDOUT, 7, ByteBuffer.wrap(new byte[OutputBuffer.LITTLE_BYTES + 1]));
    assertEquals(7, backlog.drop(8 + OutputBuffer.LITTLE_BYTES));
    backlog.finish();
    assertNull(backlog.take());
  }

  @Test
  void keepsALittle() throws Exception {
    backlog.put(Stream.STDOUT, 7, ByteBuffer.wrap(new byte[OutputBuffer.LITTLE_BYTES]));
    assertEquals(7 + OutputBuffer.LITTLE_BYTES, backlog.drop(7 + OutputBuffer.LITTLE_BYTES));
  }

  @Test
  void holdsWhoeverPutsMoreThanItsBound() throws Exception {
    backlog.put(Stream.STDOUT, 0, ByteBuffer.wrap(new byte[MAX_BYTES]));
    CompletableFuture<Void> more =
        CompletableFuture.runAsync(
            () -> {
              try {
                backlog.put(Stream.STDOUT, MAX_BYTES, ByteBuffer.wrap(new byte[1]));
              } catch (Failure e) {
                throw new AssertionError(e);
              }
            });
    long taken = 0;
    while (taken <= MAX_BYTES) {
      int length = take(next()).length;
      assertEquals(taken == MAX_BYTES, more.isDone() && taken == MAX_BYTES);
      taken += length;
      var _ = backlog.release();
      if (taken < MAX_BYTES) {
        continue;
      }
      more.get(30, TimeUnit.SECONDS);
    }
    assertEquals(MAX_BYTES + 1, taken);
  }

  @Test
  void tellsWhoeverPutsThatNothingCanBeWritten() throws Exception {
    backlog.put(Stream.STDOUT, 0, ByteBuffer.wrap(new byte[MAX_BYTES]));
    CompletableFuture<Void> more =
        CompletableFuture.runAsync(
            () ->
                assertThrows(
                    Failure.class,
                    () -> backlog.put(Stream.STDOUT, MAX_BYTES, ByteBuffer.wrap(new byte[1]))));
    backlog.fail(Failure.stdoutGone("gone"));
    more.get(30, TimeUnit.SECONDS);
    assertThrows(Failure.class, backlog::finish);
  }
}
