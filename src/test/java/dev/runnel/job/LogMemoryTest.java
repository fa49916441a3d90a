package dev.runnel.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.Stream;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What logs take from one another, and what they can't. */
class LogMemoryTest {
  private static final int MEBIBYTE = 1 << 20;

  private final LogMemory memory = new LogMemory(MEBIBYTE, 8);
  private final List<Writing> told = new ArrayList<>();

  /** A log, its writer and its reader. */
  private final class Writing {
    final OutputLog log = new OutputLog(memory, 16 * MEBIBYTE, () -> told.add(this));
    final LogReader reader = log.openRunner(0, () -> {});

    int fill() {
      return new LogWriter(log).write(Stream.STDOUT, new byte[16 * MEBIBYTE]);
    }

    void read() {
      for (LentSlice lease = reader.next(MEBIBYTE); lease != null; lease = reader.next(MEBIBYTE)) {
        lease.close();
      }
    }

    void drain() {
      read();
      reader.consumed(reader.position());
    }

    void end() {
      log.close(OutputLogTest.END);
      log.keep();
      log.forget();
    }
  }

  @Test
  void halfOfItMayBeFloors() {
    assertEquals(8, memory.maxJobs());
    assertEquals(MEBIBYTE - 8 * LogMemory.FLOOR_BYTES, memory.sharedLimitBytes());
    assertEquals(8, new LogMemory(MEBIBYTE, 9).maxJobs());
    assertEquals(1, new LogMemory(0, 9).maxJobs());
    assertEquals(0, new LogMemory(0, 9).sharedLimitBytes());
  }

  @Test
  void everyLogGetsItsFloorWhateverOthersHold() {
    Writing greedy = new Writing();
    assertTrue(greedy.fill() >= memory.sharedLimitBytes());
    for (int i = 1; i < memory.maxJobs(); i++) {
      Writing late = new Writing();
      assertEquals(LogMemory.FLOOR_BYTES, late.fill());
      late.drain();
      assertTrue(late.fill() >= LogMemory.FLOOR_BYTES - LogMemory.SMALLEST_CHUNK_BYTES);
    }
    assertTrue(memory.sharedBytes() <= memory.sharedLimitBytes());
  }

  @Test
  void allOfTheSharedMemoryCanBeHad() {
    new Writing().fill();
    assertTrue(
        memory.sharedLimitBytes() - memory.sharedBytes() < LogMemory.SMALLEST_CHUNK_BYTES,
        () -> memory.sharedBytes() + " of " + memory.sharedLimitBytes());
  }

  @Test
  void onlyALiftedBoundGoesBeyondTheLimit() {
    Writing writing = new Writing();
    int bytes = writing.fill();
    writing.log.liftBound();
    assertEquals(
        16 * MEBIBYTE - 1,
        new LogWriter(writing.log).write(Stream.STDERR, new byte[16 * MEBIBYTE - 1]));
    assertTrue(memory.sharedBytes() > memory.sharedLimitBytes());
    assertEquals(bytes + 16 * MEBIBYTE - 1, writing.log.length());
    // It is nobody else's floor.
    assertEquals(LogMemory.FLOOR_BYTES, new Writing().fill());
    writing.end();
    assertEquals(0, memory.sharedBytes());
  }

  @Test
  void logThatGotNothingIsToldWhenAnotherGivesBack() {
    Writing greedy = new Writing();
    greedy.fill();
    Writing starved = new Writing();
    starved.fill();
    // Its reader has all there is, and acknowledges only when it has more.
    starved.read();
    assertEquals(0, starved.fill());
    told.clear();
    greedy.drain();
    assertTrue(told.contains(starved));
    assertTrue(starved.fill() > 0);
  }

  @Test
  void logsThatGotNothingAreToldWhenAnotherEnds() {
    Writing greedy = new Writing();
    greedy.fill();
    List<Writing> starved = List.of(new Writing(), new Writing(), new Writing());
    starved.forEach(Writing::fill);
    told.clear();
    greedy.end();
    assertEquals(starved, told);
    assertTrue(starved.get(0).fill() > 0);
    assertEquals(0, starved.get(2).fill());
    assertEquals(0, starved.get(1).fill());
    told.clear();
    starved.get(0).end();
    assertEquals(List.of(starved.get(2), starved.get(1)), told);
  }

  @Test
  void logThatEndedWaitsForNothing() {
    Writing greedy = new Writing();
    greedy.fill();
    Writing starved = new Writing();
    starved.fill();
    starved.end();
    told.clear();
    greedy.end();
    assertFalse(told.contains(starved));
  }

  @Test
  void logThatEndedIsNotToldInAnothersPlace() {
    Writing greedy = new Writing();
    greedy.fill();
    List<Writing> gone = List.of(new Writing(), new Writing());
    gone.forEach(Writing::fill);
    Writing starved = new Writing();
    starved.fill();
    gone.forEach(Writing::end);
    greedy.read();
    // Little at a time, enough for one or two of those who wait; the first is greedy itself.
    greedy.reader.consumed(LogMemory.SMALLEST_CHUNK_BYTES);
    told.clear();
    greedy.reader.consumed(6 * LogMemory.SMALLEST_CHUNK_BYTES);
    assertEquals(List.of(starved), told);
  }

  @Test
  void nobodyIsToldWhileThereIsNothingToHave() {
    Writing greedy = new Writing();
    greedy.fill();
    Writing starved = new Writing();
    starved.fill();
    Writing quiet = new Writing();
    new LogWriter(quiet.log).write(Stream.STDOUT, new byte[100]);
    told.clear();
    quiet.drain();
    quiet.end();
    assertEquals(List.of(), told);
    assertNull(starved.log.reserve(Stream.STDOUT));
  }
}
