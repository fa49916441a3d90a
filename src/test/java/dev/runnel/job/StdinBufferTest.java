package dev.runnel.job;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.job.StdinBuffer.Offer;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a runner sends for stdin, on its way to the pipe. */
class StdinBufferTest {
  private static final int WINDOW = 8;
  private static final Object OWNER = new Object();

  private final StdinBuffer stdin = owned(WINDOW);
  private final ByteArrayOutputStream taken = new ByteArrayOutputStream();

  private static StdinBuffer owned(int window) {
    StdinBuffer made = new StdinBuffer(window);
    made.changeOwner(OWNER);
    return made;
  }

  @AfterEach
  void free() {
    stdin.close();
  }

  @Test
  void bytesComeOutAsTheyCameIn() {
    assertEquals(Offer.TAKEN, offer(0, "abc"));
    assertEquals(Offer.TAKEN, offer(3, "de"));
    take(2);
    assertEquals(2, stdin.taken());
    take(100);
    assertEquals("abcde", text());
    assertEquals(5, stdin.taken());
    assertNull(stdin.pending());
  }

  @Test
  void nextRunnerGoesOnWhereThePipeIs() {
    offer(0, "abcde");
    take(2);
    Object next = new Object();
    stdin.changeOwner(next);
    assertEquals(Offer.DROPPED, offer(5, "f"));
    // It may have sent before it was told where to go on.
    assertEquals(Offer.DROPPED, stdin.offer(next, 4, ascii("E"), false));
    assertEquals(Offer.TAKEN, stdin.offer(next, 1, ascii("BCD"), false));
    assertEquals(Offer.HOLE, stdin.offer(next, 5, ascii("F"), false));
    take(100);
    assertEquals("abCD", text());
  }

  @Test
  void endOfFileThatWasNotReachedIsTheNextRunnersToSay() {
    offer(0, "abc");
    stdin.offer(OWNER, 3, ascii(""), true);
    take(1);
    stdin.changeOwner(stdin);
    take(100);
    assertFalse(stdin.isAtEof());
    assertEquals(Offer.TAKEN, stdin.offer(stdin, 1, ascii("xyz"), true));
    take(100);
    assertTrue(stdin.isAtEof());
    assertEquals("axyz", text());
  }

  @Test
  void whatIsNotTakenStays() {
    offer(0, "abc");
    assertNotNull(stdin.pending());
    assertNotNull(stdin.pending());
    take(100);
    assertEquals("abc", text());
  }

  @Test
  void bytesKnownAlreadyAreDropped() {
    offer(0, "abc");
    assertEquals(Offer.DUPLICATE, offer(0, "abc"));
    assertEquals(Offer.DUPLICATE, offer(1, "b"));
    assertEquals(Offer.DUPLICATE, offer(3, ""));
    assertEquals(Offer.TAKEN, offer(1, "bcde"));
    take(100);
    assertEquals(Offer.DUPLICATE, offer(0, "abcde"));
    assertEquals(Offer.TAKEN, offer(4, "ef"));
    take(100);
    assertEquals("abcdef", text());
  }

  @Test
  void holeIsRefusedWhole() {
    assertEquals(Offer.HOLE, offer(1, "b"));
    offer(0, "ab");
    assertEquals(Offer.HOLE, offer(3, "d"));
    assertEquals(Offer.HOLE, offer(3, ""));
    take(100);
    assertEquals("ab", text());
  }

  @Test
  void windowIsCountedFromWhatWasTaken() {
    assertEquals(Offer.OVERRUN, offer(0, "123456789"));
    assertEquals(Offer.TAKEN, offer(0, "12345678"));
    assertEquals(Offer.OVERRUN, offer(8, "9"));
    assertEquals(Offer.OVERRUN, offer(4, "56789"));
    take(1);
    assertEquals(Offer.TAKEN, offer(8, "9"));
    assertEquals(Offer.OVERRUN, offer(9, "a"));
    take(100);
    take(100);
    assertEquals("123456789", text());
  }

  @Test
  void ringWrapsAround() {
    offer(0, "12345");
    take(4);
    offer(5, "6789ab");
    // What is at the end of the ring and what is at its beginning come one after the other.
    take(100);
    assertEquals("12345678", text());
    take(100);
    assertEquals("123456789ab", text());
  }

  @Test
  void eofIsReachedOnceAllIsTaken() {
    assertFalse(stdin.isAtEof());
    assertEquals(Offer.TAKEN, stdin.offer(OWNER, 0, ascii("abc"), true));
    assertFalse(stdin.isAtEof());
    take(2);
    assertFalse(stdin.isAtEof());
    take(1);
    assertTrue(stdin.isAtEof());
  }

  @Test
  void eofMayComeAlone() {
    assertEquals(Offer.TAKEN, stdin.offer(OWNER, 0, ascii(""), true));
    assertTrue(stdin.isAtEof());
  }

  @Test
  void eofMayFollowWhatWasTaken() {
    offer(0, "abc");
    take(3);
    assertEquals(Offer.TAKEN, stdin.offer(OWNER, 3, ascii(""), true));
    assertTrue(stdin.isAtEof());
  }

  @Test
  void eofMayComeWithBytesKnownAlready() {
    offer(0, "abc");
    assertEquals(Offer.TAKEN, stdin.offer(OWNER, 0, ascii("abc"), true));
    take(3);
    assertTrue(stdin.isAtEof());
    assertEquals("abc", text());
  }

  @Test
  void eofMayBeSaidAgainButNotElsewhere() {
    stdin.offer(OWNER, 0, ascii("abc"), true);
    assertEquals(Offer.DUPLICATE, stdin.offer(OWNER, 0, ascii("abc"), true));
    assertEquals(Offer.DUPLICATE, stdin.offer(OWNER, 3, ascii(""), true));
    assertEquals(Offer.DUPLICATE, offer(1, "bc"));
    assertEquals(Offer.BEYOND_EOF, stdin.offer(OWNER, 0, ascii("ab"), true));
    assertEquals(Offer.BEYOND_EOF, stdin.offer(OWNER, 0, ascii("abcd"), true));
    assertEquals(Offer.BEYOND_EOF, offer(3, "d"));
    assertEquals(Offer.HOLE, offer(4, ""));
    take(100);
    assertEquals("abc", text());
    assertTrue(stdin.isAtEof());
  }

  @Test
  void eofBeforeWhatWasReceivedIsRefused() {
    offer(0, "abc");
    assertEquals(Offer.BEYOND_EOF, stdin.offer(OWNER, 0, ascii("ab"), true));
    take(100);
    assertFalse(stdin.isAtEof());
  }

  @Test
  void closedStdinDropsSilently() {
    offer(0, "abc");
    stdin.close();
    assertNull(stdin.pending());
    assertEquals(Offer.CLOSED, offer(3, "de"));
    assertEquals(Offer.CLOSED, offer(100, "hole"));
    assertEquals(Offer.CLOSED, stdin.offer(OWNER, 0, ascii(""), true));
    stdin.close();
    assertEquals(0, stdin.taken());
  }

  @Test
  void closeAfterAWriteThatThePipeDidNotTake() {
    offer(0, "abc");
    assertNotNull(stdin.pending());
    stdin.close();
    assertNull(stdin.pending());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 7, 64})
  void anyOrderGivesWhatWasSent(int window) {
    SplittableRandom random = new SplittableRandom(window);
    for (int round = 0; round < 200; round++) {
      byte[] all = new byte[random.nextInt(300)];
      random.nextBytes(all);
      send(owned(window), all, window, random);
    }
  }

  private void send(StdinBuffer sent, byte[] all, int window, SplittableRandom random) {
    taken.reset();
    int received = 0;
    boolean ended = false;
    while (!sent.isAtEof()) {
      int from = Math.max(0, received + 2 - random.nextInt(window + 4));
      int to = Math.min(all.length, from + random.nextInt(2 * window));
      boolean eof = to == all.length && random.nextBoolean();
      if (from <= to && random.nextBoolean()) {
        Offer expected = expected(from, to, eof, received, taken.size() + window, ended);
        assertEquals(expected, sent.offer(OWNER, from, Arrays.copyOfRange(all, from, to), eof));
        if (expected == Offer.TAKEN) {
          received = Math.max(received, to);
          ended |= eof;
        }
      } else {
        take(sent, 1 + random.nextInt(window));
      }
    }
    assertArrayEquals(all, taken.toByteArray());
    sent.close();
  }

  private static Offer expected(
      int from, int to, boolean eof, int received, int limit, boolean ended) {
    if (from > received) {
      return Offer.HOLE;
    }
    if (to > limit) {
      return Offer.OVERRUN;
    }
    return to > received || (eof && !ended) ? Offer.TAKEN : Offer.DUPLICATE;
  }

  @Test
  void offersAndTakesMayComeFromTwoThreads() throws Exception {
    StdinBuffer shared = owned(1_000);
    byte[] all = new byte[200_000];
    new SplittableRandom(5).nextBytes(all);
    AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
    Thread offering =
        Thread.ofPlatform()
            .uncaughtExceptionHandler((_, thrown) -> failure.set(thrown))
            .start(() -> offerAll(shared, all));
    while (!shared.isAtEof() && failure.get() == null) {
      take(shared, 700);
    }
    offering.join();
    assertNull(failure.get());
    assertArrayEquals(all, taken.toByteArray());
  }

  private void offerAll(StdinBuffer shared, byte[] all) {
    int at = 0;
    while (at < all.length) {
      int length = (int) Math.min(all.length - at, shared.taken() + 1_000 - at);
      if (length > 0) {
        assertEquals(
            Offer.TAKEN, shared.offer(OWNER, at, Arrays.copyOfRange(all, at, at + length), false));
        at += length;
      } else {
        Thread.onSpinWait();
      }
    }
    assertEquals(Offer.TAKEN, shared.offer(OWNER, at, new byte[0], true));
  }

  private Offer offer(long offset, String bytes) {
    return stdin.offer(OWNER, offset, ascii(bytes), false);
  }

  private void take(int most) {
    take(stdin, most);
  }

  /** What a pipe does that takes at most so much. */
  private void take(StdinBuffer from, int most) {
    MemorySegment pending = from.pending();
    if (pending != null) {
      int count = (int) Math.min(most, pending.byteSize());
      taken.writeBytes(pending.asSlice(0, count).toArray(ValueLayout.JAVA_BYTE));
      from.take(count);
    }
  }

  private String text() {
    return taken.toString(StandardCharsets.US_ASCII);
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
