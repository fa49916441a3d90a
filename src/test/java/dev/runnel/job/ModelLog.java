package dev.runnel.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.job.OutputLog.Vacancy;
import dev.runnel.model.Stream;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** A log, and beside it what it should be: every byte ever written, and a few offsets. */
final class ModelLog {
  private static final int MAX_WATCHERS = 4;

  private final RandomGenerator random;
  private final LogMemory memory;
  private final OutputLog log;
  private final long bound;
  private final int salt;

  // Of every byte ever written: its value and its stream.
  private byte[] bytes = new byte[1 << 20];
  private byte[] streams = new byte[1 << 20];
  private int size;

  private @Nullable Reader runner;
  private final List<Reader> watchers = new ArrayList<>();
  private final List<Held> leases = new ArrayList<>();
  private final long ahead;
  private long pinned;
  private long seatedAt;
  private Vacancy vacancy = Vacancy.HOLD;
  private boolean asked;
  private boolean ended;
  private boolean forgotten;

  /** Somebody who reads, and whether it waits to be called. */
  private static final class Reader {
    final LogReader reader;
    boolean parked;

    Reader(OutputLog log, long from, boolean runner) {
      Runnable more = () -> parked = false;
      reader = runner ? log.openRunner(from, more) : log.openWatcher(from, more);
    }
  }

  private record Held(Reader by, LentSlice lease) {}

  ModelLog(LogMemory memory, long bound, RandomGenerator random) {
    this.random = random;
    this.memory = memory;
    this.bound = bound;
    this.salt = random.nextInt();
    this.ahead = random.nextBoolean() ? Long.MAX_VALUE / 2 : Math.max(1, random.nextLong(bound));
    this.log = new OutputLog(memory, bound, ahead, this::room);
    this.runner = new Reader(log, 0, true);
  }

  private void room() {
    asked = false;
  }

  boolean isGone() {
    return forgotten && leases.isEmpty();
  }

  int watcherLeases() {
    return (int) leases.stream().filter(held -> held.by != runner).count();
  }

  void step() {
    switch (random.nextInt(15)) {
      case 0, 1, 2, 3 -> write();
      case 4, 5, 6 -> readAsRunner();
      case 7, 8 -> readAsWatcher();
      case 9, 10 -> closeSome();
      case 11 -> consume();
      case 12 -> log.trim();
      case 13 -> comeAndGo();
      default -> rarely();
    }
    check();
  }

  private void write() {
    if (ended) {
      return;
    }
    Stream stream = random.nextBoolean() ? Stream.STDOUT : Stream.STDERR;
    MemorySegment room = log.reserve(stream);
    boolean lentToRunner = leases.stream().anyMatch(held -> held.lease.isRunners());
    boolean mayBeNull = unconsumed() > 0 || lentToRunner;
    assertTrue(room != null || mayBeNull, "no room, and nobody to wait for");
    asked = room == null;
    if (room == null || random.nextInt(4) == 0) {
      return;
    }
    assertTrue(room.byteSize() <= bound - unconsumed());
    assertTrue(
        runner == null || room.byteSize() <= Math.max(pinned, seatedAt) + ahead - size,
        "too far ahead of the runner");
    int most = (int) room.byteSize();
    int count = random.nextInt(3) == 0 ? most : 1 + random.nextInt(most);
    append(stream, count);
    MemorySegment.copy(MemorySegment.ofArray(bytes), size - count, room, 0, count);
    log.commit(stream, count);
    assertTrue(runner == null || !runner.parked, "nobody was told that there is more");
    assertFalse(watchers.stream().anyMatch(watcher -> watcher.parked), "a watcher was not told");
  }

  private void append(Stream stream, int count) {
    if (bytes.length < size + count) {
      bytes = Arrays.copyOf(bytes, 2 * (size + count));
      streams = Arrays.copyOf(streams, bytes.length);
    }
    Arrays.fill(streams, size, size + count, tag(stream));
    for (int i = 0; i < count; i++) {
      // Cheaper than random bytes, and as unlikely to stand anywhere else.
      bytes[size + i] = (byte) (((salt + size + i) * 0x9e3779b1L) >>> 24);
    }
    size += count;
  }

  private void readAsRunner() {
    if (runner != null) {
      LentSlice lease = read(runner);
      assertTrue(lease != null || runner.reader.position() == size, "the runner was put off");
    }
  }

  private void readAsWatcher() {
    if (!watchers.isEmpty()) {
      Reader watcher = watchers.get(random.nextInt(watchers.size()));
      boolean overdrawn = memory.isOverdrawn();
      LentSlice lease = read(watcher);
      boolean hasAll = watcher.reader.position() == size;
      assertTrue(lease != null || hasAll || overdrawn, "a watcher was put off");
    }
  }

  private @Nullable LentSlice read(Reader by) {
    long at = Math.max(by.reader.position(), log.floor());
    int most = 1 + random.nextInt(random.nextBoolean() ? 50 : 300_000);
    by.parked = true;
    LentSlice lease = by.reader.next(most);
    if (lease == null) {
      assertEquals(at, by.reader.position());
      assertEquals(ended && at == size, by.reader.end() != null);
      return null;
    }
    by.parked = false;
    assertEquals(at, lease.offset());
    assertNull(lease.end() < size ? by.reader.end() : null);
    assertTrue(lease.bytes().byteSize() >= 1 && lease.bytes().byteSize() <= most);
    leases.add(new Held(by, lease));
    checkLease(lease);
    return lease;
  }

  private void closeSome() {
    for (int i = random.nextInt(4); i > 0 && !leases.isEmpty(); i--) {
      close(leases.remove(random.nextInt(leases.size())));
    }
  }

  private void close(Held held) {
    checkLease(held.lease);
    held.lease.close();
  }

  private void consume() {
    if (runner == null) {
      return;
    }
    long unread = runner.reader.position() - pinned;
    if (unread > 0) {
      pinned += random.nextBoolean() ? unread : 1 + random.nextLong(unread);
      runner.reader.consumed(pinned);
    }
  }

  private void comeAndGo() {
    if (random.nextInt(3) == 0 && watchers.size() < MAX_WATCHERS) {
      watchers.add(new Reader(log, random.nextInt(size + 1), false));
    } else if (random.nextInt(3) == 0 && !watchers.isEmpty()) {
      log.leave(watchers.remove(random.nextInt(watchers.size())).reader);
    } else if (random.nextInt(6) == 0) {
      takeSeat();
    } else if (random.nextInt(6) == 0) {
      leaveSeat();
    }
  }

  /** From anywhere, also below what the one before has consumed. */
  private void takeSeat() {
    if (!forgotten) {
      long from = random.nextInt(size + 1);
      runner = new Reader(log, from, true);
      pinned = Math.max(from, log.floor());
      seatedAt = size;
    }
  }

  private void leaveSeat() {
    if (runner == null) {
      return;
    }
    runner = null;
    if (ended) {
      vacancy = Vacancy.DROP;
      log.keep();
    } else {
      vacancy = random.nextBoolean() ? Vacancy.HOLD : Vacancy.DROP;
      log.vacate(vacancy);
    }
  }

  private void rarely() {
    switch (random.nextInt(20)) {
      case 0 -> end();
      case 1 -> forget();
      default -> {}
    }
  }

  private void end() {
    if (!ended) {
      ended = true;
      asked = false;
      log.close(OutputLogTest.END);
      assertSame(OutputLogTest.END, log.end());
      if (runner == null) {
        vacancy = Vacancy.DROP;
        log.keep();
      }
    }
  }

  private void forget() {
    if (ended && runner == null) {
      forgotten = true;
      log.forget();
      assertEquals(size, log.floor());
    }
  }

  /** Reads, closes and consumes everything: whoever asked is told now. */
  void drain() {
    for (int tries = 0; runner != null && runner.reader.position() < size; tries++) {
      LentSlice lease = read(runner);
      assertTrue(lease != null || runner.reader.position() == size, "the runner was put off");
      assertTrue(tries < 1_000_000);
    }
    if (runner != null) {
      pinned = size;
      runner.reader.consumed(pinned);
    }
    leases.forEach(this::close);
    leases.clear();
    assertFalse(asked && (runner != null || vacancy == Vacancy.DROP), "nobody was told of room");
  }

  void finish() {
    end();
    drain();
    leaveSeat();
    forget();
    leases.forEach(this::close);
    leases.clear();
  }

  private void check() {
    assertEquals(size, log.length());
    assertTrue(log.floor() <= held(), "what somebody is waited for is gone");
    if (!leases.isEmpty()) {
      checkLease(leases.get(random.nextInt(leases.size())).lease);
    }
  }

  private void checkLease(LentSlice lease) {
    int from = (int) lease.offset();
    int to = (int) lease.end();
    MemorySegment expected = MemorySegment.ofArray(bytes).asSlice(from, to - from);
    assertEquals(-1, lease.bytes().mismatch(expected));
    for (int i = from; i < to; i++) {
      if (streams[i] != tag(lease.stream())) {
        throw new AssertionError("stream at " + i + ": " + lease.stream());
      }
    }
  }

  private long held() {
    return runner != null || vacancy == Vacancy.HOLD ? pinned : size;
  }

  private long unconsumed() {
    return size - held();
  }

  private static byte tag(Stream stream) {
    return (byte) (stream == Stream.STDOUT ? 1 : 2);
  }
}
