package dev.runnel.server.seed;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.runnel.job.RejectedException;
import dev.runnel.model.Stream;
import io.vertx.core.buffer.Buffer;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What is collected, and the frame that it becomes. */
class SeedAnswerTest {
  private final SeedMemory memory = new SeedMemory(1 << 20);

  @Test
  void headerIsSpelledAsTheOriginalSpellsIt() throws Exception {
    try (SeedAnswer answer = new SeedAnswer(memory)) {
      answer.add(Stream.STDERR, segment("oops"));
      answer.add(Stream.STDOUT, segment("fine "));
      assertEquals(
          length(38) + "{\"filename\": \"a.txt\", \"total_size\": 9}fine oops", frame(answer));
    }
  }

  @Test
  void emptyOutputIsAHeader() {
    try (SeedAnswer answer = new SeedAnswer(memory)) {
      assertEquals(length(38) + "{\"filename\": \"a.txt\", \"total_size\": 0}", frame(answer));
    }
  }

  @Test
  void streamsStayApartWhateverTheChunking() throws Exception {
    Random random = new Random(7);
    for (int round = 0; round < 50; round++) {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      ByteArrayOutputStream err = new ByteArrayOutputStream();
      try (SeedAnswer answer = new SeedAnswer(memory)) {
        for (int i = random.nextInt(20); i > 0; i--) {
          byte[] bytes = new byte[1 + random.nextInt(1 << random.nextInt(15))];
          random.nextBytes(bytes);
          boolean toOut = random.nextBoolean();
          (toOut ? out : err).writeBytes(bytes);
          answer.add(toOut ? Stream.STDOUT : Stream.STDERR, MemorySegment.ofArray(bytes));
        }
        out.write(err.toByteArray());
        Buffer frame = buffer(answer);
        int header = 4 + frame.getIntLE(0);
        assertArrayEquals(out.toByteArray(), frame.getBytes(header, frame.length()));
      }
    }
    assertEquals(0, memory.heldBytes());
  }

  @Test
  void refusesWhatTheMemoryCannotHoldAndGivesBackWhatItHeld() throws Exception {
    MemorySegment half = MemorySegment.ofArray(new byte[1 << 19]);
    SeedAnswer answer = new SeedAnswer(memory);
    answer.add(Stream.STDOUT, half);
    assertThrows(RejectedException.class, () -> answer.add(Stream.STDERR, half));
    answer.close();
    answer.close();
    assertEquals(0, memory.heldBytes());
  }

  @Test
  void holds64MibAndNotAByteMore() throws Exception {
    MemorySegment quarter = MemorySegment.ofArray(new byte[16 << 20]);
    try (SeedAnswer answer = new SeedAnswer(new SeedMemory(1 << 30))) {
      for (int i = 0; i < 4; i++) {
        answer.add(i % 2 == 0 ? Stream.STDOUT : Stream.STDERR, quarter);
      }
      assertThrows(RejectedException.class, () -> answer.add(Stream.STDOUT, segment("x")));
    }
  }

  private static String length(int value) {
    return (char) value + "\0\0\0";
  }

  private static MemorySegment segment(String text) {
    return MemorySegment.ofArray(text.getBytes(US_ASCII));
  }

  private static String frame(SeedAnswer answer) {
    return buffer(answer).toString(US_ASCII);
  }

  private static Buffer buffer(SeedAnswer answer) {
    Buffer frame = Buffer.buffer();
    for (Buffer piece = answer.next(); piece != null; piece = answer.next()) {
      frame.appendBuffer(piece);
    }
    assertNull(answer.next());
    return frame;
  }
}
