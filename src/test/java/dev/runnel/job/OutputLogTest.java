package dev.runnel.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.End;
import dev.runnel.model.JobId;
import dev.runnel.model.Outcome;
import dev.runnel.model.Stream;
import dev.runnel.model.StreamTotal;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** A log and its reader on one thread. */
class OutputLogTest {
  private static final int BOUND = 1 << 20;

  private final LogMemory memory = new LogMemory(16 << 20, 16);
  private int room;
  private int more;
  private OutputLog log = log(BOUND);
  private LogWriter writer = new LogWriter(log);
  private LogReader reader = log.openRunner(0, () -> more++);

  private OutputLog log(long bound) {
    return new OutputLog(memory, bound, () -> room++);
  }

  private void begin(long bound) {
    log = log(bound);
    writer = new LogWriter(log);
    reader = log.openRunner(0, () -> more++);
  }

  // Streams and offsets.

  @Test
  void streamsKeepTheirOrderAndTheirBounds() {
    write(Stream.STDERR, "a");
    write(Stream.STDERR, "b");
    write(Stream.STDOUT, "c");
    write(Stream.STDERR, "d");
    write(Stream.STDOUT, "e");
    write(Stream.STDOUT, "f");
    List<String> read = new ArrayList<>();
    for (LentSlice lease = reader.next(100); lease != null; lease = reader.next(100)) {
      read.add(lease.stream().wireName() + " " + lease.offset() + " " + text(lease));
      lease.close();
    }
    assertEquals(List.of("stderr 0 ab", "stdout 2 c", "stderr 3 d", "stdout 4 ef"), read);
    assertEquals(6, log.length());
  }

  @Test
  void readerGetsAtMostWhatItAsksFor() {
    write(Stream.STDOUT, "abcdef");
    for (String expected : List.of("ab", "cd", "ef")) {
      try (LentSlice lease = next(2)) {
        assertEquals(expected, text(lease));
      }
    }
    assertNull(reader.next(2));
  }

  @Test
  void readerComesInBetweenWrites() {
    write(Stream.STDOUT, "ab");
    assertEquals("ab", take(100));
    write(Stream.STDOUT, "cd");
    assertEquals("cd", take(100));
    assertEquals(4, reader.position());
  }

  @Test
  void manyStreamChangesInAChunkAreKept() {
    SplittableRandom random = new SplittableRandom(1);
    List<Stream> streams = new ArrayList<>();
    for (int i = 0; i < 50_000; i++) {
      streams.add(random.nextBoolean() ? Stream.STDOUT : Stream.STDERR);
      assertEquals(1, writer.write(streams.getLast(), new byte[] {(byte) i}));
    }
    for (int i = 0; i < streams.size(); ) {
      try (LentSlice lease = next(BOUND)) {
        assertEquals(i, lease.offset());
        for (byte b : lease.bytes().toArray(ValueLayout.JAVA_BYTE)) {
          assertEquals((byte) i, b);
          assertSame(streams.get(i++), lease.stream());
        }
      }
    }
  }

  @Test
  void readerIsCalledOnceForEachTimeItFoundNothing() {
    write(Stream.STDOUT, "nobody asked");
    assertEquals(0, more);
    assertEquals("nobody asked", take(100));
    assertNull(reader.next(100));
    assertNull(reader.next(100));
    write(Stream.STDOUT, "a");
    write(Stream.STDOUT, "b");
    assertEquals(1, more);
    assertEquals("ab", take(100));
    assertNull(reader.next(100));
    log.close(END);
    assertEquals(2, more);
  }

  @Test
  void endIsThereOnlyOnceAllIsRead() {
    write(Stream.STDOUT, "ab");
    log.close(END);
    assertNull(reader.end());
    assertEquals("a", take(1));
    assertNull(reader.end());
    assertEquals("b", take(1));
    assertSame(END, reader.end());
    assertSame(END, log.end());
  }

  // Room.

  @Test
  void thereIsRoomExactlyUpToTheBound() {
    for (int bound : new int[] {1_024, 4_095, 4_096, 4_097, 100_000}) {
      begin(bound);
      assertEquals(bound, writer.write(Stream.STDOUT, new byte[bound + 1]));
      assertNull(log.reserve(Stream.STDOUT));
      end();
    }
  }

  @Test
  void roomIsNeverMoreThanTheBoundAllows() {
    begin(5_000);
    assertEquals(4_096, Objects.requireNonNull(log.reserve(Stream.STDOUT)).byteSize());
    write(Stream.STDOUT, "x".repeat(4_096));
    assertEquals(904, Objects.requireNonNull(log.reserve(Stream.STDOUT)).byteSize());
  }

  @Test
  void writerIsCalledOnceThereIsRoomAgain() {
    begin(4_096);
    writer.write(Stream.STDOUT, new byte[5_000]);
    assertEquals(0, room);
    take(5_000);
    assertEquals(0, room);
    reader.consumed(2_048);
    assertEquals(1, room);
    reader.consumed(4_096);
    assertEquals(1, room);
    assertNotNull(log.reserve(Stream.STDOUT));
  }

  @Test
  void writerIsNotCalledForALittleRoom() {
    begin(4_096);
    writer.write(Stream.STDOUT, new byte[5_000]);
    take(3_000);
    reader.consumed(1_023);
    assertEquals(0, room);
    reader.consumed(1_024);
    assertEquals(1, room);
  }

  @Test
  void writerThatDidNotAskIsNotCalled() {
    begin(4_096);
    writer.write(Stream.STDOUT, new byte[4_096]);
    take(4_096);
    reader.consumed(4_096);
    assertEquals(0, room);
  }

  /** Such as one that acknowledges whole records of up to its window, and wants the next one. */
  @Test
  void readerThatHasReadAllGetsWhateverThereIsRoomFor() {
    begin(1_024);
    writer.write(Stream.STDOUT, new byte[1_024]);
    assertNull(log.reserve(Stream.STDOUT));
    take(1_024);
    reader.consumed(200);
    assertNull(reader.next(200));
    assertEquals(1, room);
    assertEquals(200, writer.write(Stream.STDOUT, new byte[1_000]));
    assertEquals(1, more);
  }

  @Test
  void readerThatWaitsGetsWhateverItMakesRoomFor() {
    begin(1_024);
    writer.write(Stream.STDOUT, new byte[1_024]);
    assertNull(log.reserve(Stream.STDOUT));
    take(1_024);
    assertNull(reader.next(1));
    assertEquals(0, room);
    reader.consumed(1);
    assertEquals(1, room);
    assertEquals(1, writer.write(Stream.STDOUT, new byte[1_000]));
  }

  @Test
  void liftedBoundIsNone() {
    begin(1_024);
    writer.write(Stream.STDOUT, new byte[1_024]);
    assertNull(log.reserve(Stream.STDOUT));
    log.liftBound();
    assertEquals(300_000, writer.write(Stream.STDERR, new byte[300_000]));
    assertEquals(301_024, log.length());
  }

  // Memory.

  @Test
  void keepsWhatIsToBeRetainedAndNoMore() {
    byte[] bytes = new byte[100_000];
    for (int i = 0; i < 1_000; i++) {
      assertEquals(bytes.length, writer.write(Stream.STDOUT, bytes));
      takeAll();
      assertTrue(log.length() - log.floor() >= Math.min(BOUND, log.length()));
      assertTrue(memory.sharedBytes() <= BOUND + LogMemory.LARGEST_CHUNK_BYTES);
    }
    assertEquals(100_000_000, log.length());
  }

  @Test
  void keepsALittleInLittle() {
    begin(1_024);
    for (int i = 0; i < 1_000; i++) {
      assertEquals(1_000, writer.write(Stream.STDOUT, new byte[1_000]));
      takeAll();
      assertTrue(log.length() - log.floor() <= 1_024 + LogMemory.SMALLEST_CHUNK_BYTES);
    }
    assertEquals(0, memory.sharedBytes());
  }

  @Test
  void whatItTakesToKeepStreamsApartIsChargedFor() {
    int changes = 200_000;
    for (int i = 0; i < changes; i++) {
      writer.write(i % 2 == 0 ? Stream.STDOUT : Stream.STDERR, new byte[1]);
    }
    assertEquals(changes, log.length());
    assertTrue(LogMemory.FLOOR_BYTES + memory.sharedBytes() >= (long) Integer.BYTES * changes);
  }

  @Test
  void quietLogStaysSmall() {
    for (int i = 0; i < 2_000; i++) {
      write(Stream.STDOUT, "a line\n");
      takeAll();
    }
    assertEquals(0, memory.sharedBytes());
  }

  @Test
  void logThatEndedTakesWhatItsOutputTakes() {
    write(Stream.STDOUT, "a line\n");
    takeAll();
    log.close(END);
    log.keep();
    assertEquals(7, memory.sharedBytes());
    LogReader late = log.openWatcher(0, () -> {});
    assertEquals("a line\n", text(Objects.requireNonNull(late.next(100))));
    assertSame(END, late.end());
  }

  @Test
  void leaseOutlivesEverything() {
    byte[] first = random(200_000);
    assertEquals(first.length, writer.write(Stream.STDOUT, first));
    List<LentSlice> leases = new ArrayList<>();
    for (LentSlice lease = reader.next(BOUND); lease != null; lease = reader.next(BOUND)) {
      leases.add(lease);
      reader.consumed(lease.end());
    }
    for (int i = 0; i < 50; i++) {
      assertEquals(200_000, writer.write(Stream.STDERR, new byte[200_000]));
      takeAll();
    }
    log.vacate(OutputLog.Vacancy.DROP);
    writer.write(Stream.STDERR, new byte[500_000]);
    log.trim();
    end();
    int at = 0;
    for (LentSlice lease : leases) {
      byte[] bytes = lease.bytes().toArray(ValueLayout.JAVA_BYTE);
      for (byte b : bytes) {
        assertEquals(first[at++], b);
      }
      lease.close();
    }
    assertEquals(first.length, at);
    assertEquals(0, memory.sharedBytes());
  }

  @Test
  void whatIsBeingWrittenOutlivesTheRunner() {
    write(Stream.STDOUT, "read and consumed");
    assertEquals("read and consumed", take(100));
    MemorySegment room = Objects.requireNonNull(log.reserve(Stream.STDOUT));
    reader.consumed(17);
    log.vacate(OutputLog.Vacancy.DROP);
    reader.consumed(17);
    // If the log had given it back, the next one would get it.
    OutputLog other = log(BOUND);
    MemorySegment others = Objects.requireNonNull(other.reserve(Stream.STDOUT));
    assertTrue(others.asOverlappingSlice(room).isEmpty());
    writer.put(room, Stream.STDOUT, random((int) room.byteSize()));
    end();
  }

  @Test
  void whatIsReservedAfterTheEndIsNotFreedEither() {
    log.close(END);
    MemorySegment room = Objects.requireNonNull(log.reserve(Stream.STDOUT));
    log.keep();
    log.forget();
    MemorySegment others = Objects.requireNonNull(log(BOUND).reserve(Stream.STDOUT));
    assertTrue(others.asOverlappingSlice(room).isEmpty());
  }

  @Test
  void whatIsBeingWrittenStaysWhereItIs() {
    write(Stream.STDOUT, "abc");
    LentSlice lease = next(3);
    MemorySegment room = Objects.requireNonNull(log.reserve(Stream.STDOUT));
    reader.consumed(3);
    lease.close();
    writer.put(room, Stream.STDOUT, new byte[] {'d', 'e'});
    try (LentSlice next = next(10)) {
      assertEquals("de", text(next));
      assertEquals(3, next.offset());
    }
  }

  @Test
  void leaseIsClosedOnceHoweverOftenItIsAsked() {
    write(Stream.STDOUT, "abc");
    LentSlice first = next(1);
    LentSlice second = next(1);
    for (int i = 0; i < 10; i++) {
      first.close();
    }
    log.vacate(OutputLog.Vacancy.DROP);
    write(Stream.STDERR, "x".repeat(4_000));
    assertEquals("b", text(second));
    second.close();
    end();
    assertEquals(0, memory.sharedBytes());
  }

  @Test
  void trimFreesWhatTheWriterReservedAndDropped() {
    assertNotNull(log.reserve(Stream.STDOUT));
    log.trim();
    log.close(END);
    log.keep();
    assertEquals(0, memory.sharedBytes());
  }

  // Watchers.

  @Test
  void watchersSeeWhatTheRunnerSees() {
    LogReader early = log.openWatcher(0, () -> {});
    write(Stream.STDOUT, "ab");
    write(Stream.STDERR, "cd");
    LogReader late = log.openWatcher(1, () -> {});
    assertEquals("abcd", read(early));
    assertEquals("bcd", read(late));
    assertEquals("abcd", read(reader));
    log.close(END);
    assertSame(END, early.end());
    assertSame(END, late.end());
  }

  @Test
  void watcherIsOvertakenAndNobodyWaitsForIt() {
    LogReader slow = log.openWatcher(0, () -> {});
    byte[] bytes = new byte[100_000];
    for (int i = 0; i < 100; i++) {
      assertEquals(bytes.length, writer.write(Stream.STDOUT, bytes));
      takeAll();
    }
    try (LentSlice lease = Objects.requireNonNull(slow.next(10))) {
      assertEquals(log.floor(), lease.offset());
      assertTrue(lease.offset() > 0);
    }
  }

  @Test
  void whatIsLentToWatchersTakesNothingFromTheFloor() {
    LogMemory little = new LogMemory(2 * LogMemory.FLOOR_BYTES, 1);
    OutputLog log = new OutputLog(little, BOUND, () -> room++);
    LogReader runner = log.openRunner(0, () -> {});
    LogWriter writer = new LogWriter(log);
    LogReader watcher = log.openWatcher(0, () -> {});
    List<LentSlice> stuck = new ArrayList<>();
    for (int i = 0; i < 1_000; i++) {
      assertTrue(writer.write(Stream.STDOUT, new byte[10_000]) > 0, "round " + i);
      LentSlice lease = watcher.next(10);
      if (lease != null) {
        stuck.add(lease);
      }
      read(runner);
      runner.consumed(runner.position());
    }
    assertTrue(stuck.size() < 100, () -> "leases: " + stuck.size());
    stuck.forEach(LentSlice::close);
    log.close(END);
    log.keep();
    log.forget();
    assertEquals(0, little.sharedBytes());
  }

  // The seat.

  @Test
  void vacantSeatHoldsTheWriterFromTheLastAckOn() {
    begin(4_096);
    write(Stream.STDOUT, "x".repeat(1_000));
    takeAll();
    log.vacate(OutputLog.Vacancy.HOLD);
    assertEquals(4_096, writer.write(Stream.STDOUT, new byte[5_000]));
    assertTrue(log.isStalled());
    LogReader next = log.openRunner(1_000, () -> {});
    assertEquals(4_096, read(next).length());
    next.consumed(next.position());
    assertEquals(1, room);
    assertFalse(log.isStalled());
  }

  @Test
  void vacantSeatThatDropsHoldsNobody() {
    begin(4_096);
    log.vacate(OutputLog.Vacancy.DROP);
    assertEquals(100_000, writer.write(Stream.STDOUT, new byte[100_000]));
    assertFalse(log.isStalled());
    LogReader next = log.openRunner(0, () -> {});
    try (LentSlice lease = Objects.requireNonNull(next.next(1))) {
      assertEquals(log.floor(), lease.offset());
    }
  }

  @Test
  void whoeverLostTheSeatHoldsNothing() {
    begin(4_096);
    LogReader next = log.openRunner(0, () -> {});
    assertEquals(4_096, writer.write(Stream.STDOUT, new byte[5_000]));
    takeAll();
    assertNull(log.reserve(Stream.STDOUT));
    read(next);
    next.consumed(4_096);
    assertNotNull(log.reserve(Stream.STDOUT));
  }

  // Helpers.

  static final End END =
      new End(
          new JobId("job"),
          Outcome.EXITED,
          null,
          null,
          new StreamTotal(0, 0),
          new StreamTotal(0, 0),
          0,
          true,
          List.of(),
          0,
          null,
          null,
          null,
          false);

  private void write(Stream stream, String text) {
    byte[] bytes = text.getBytes(java.nio.charset.StandardCharsets.US_ASCII);
    assertEquals(bytes.length, writer.write(stream, bytes));
  }

  private LentSlice next(int maxBytes) {
    return Objects.requireNonNull(reader.next(maxBytes));
  }

  /** Reads so many bytes, or what there is, and gives the leases back. */
  private String take(int bytes) {
    StringBuilder read = new StringBuilder();
    while (read.length() < bytes) {
      try (LentSlice lease = reader.next(bytes - read.length())) {
        if (lease == null) {
          break;
        }
        read.append(text(lease));
      }
    }
    return read.toString();
  }

  private static String read(LogReader by) {
    StringBuilder read = new StringBuilder();
    for (LentSlice lease = by.next(BOUND); lease != null; lease = by.next(BOUND)) {
      read.append(text(lease));
      lease.close();
    }
    return read.toString();
  }

  private void takeAll() {
    for (LentSlice lease = reader.next(BOUND); lease != null; lease = reader.next(BOUND)) {
      lease.close();
    }
    reader.consumed(reader.position());
  }

  private void end() {
    log.close(END);
    log.keep();
    log.forget();
    assertEquals(log.length(), log.floor());
  }

  private static String text(LentSlice lease) {
    return new String(
        lease.bytes().toArray(ValueLayout.JAVA_BYTE), java.nio.charset.StandardCharsets.US_ASCII);
  }

  private static byte[] random(int length) {
    byte[] bytes = new byte[length];
    new SplittableRandom(length).nextBytes(bytes);
    return bytes;
  }
}
