package dev.runnel.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.Stream;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;

/** A log, and beside it what it should be: every byte ever written, and a few offsets. */
final class ModelLog {
  private final RandomGenerator random;
  private final OutputLog log;
  private final LogReader reader;
  private final long bound;
  private final int salt;

  // Of every byte ever written: its value and its stream.
  private byte[] bytes = new byte[1 << 20];
  private byte[] streams = new byte[1 << 20];
  private int size;
  private final List<Lease> leases = new ArrayList<>();
  private long pinned;
  private boolean asked;
  private boolean parked;
  private boolean abandoned;
  private boolean ended;
  private int released;

  ModelLog(LogMemory memory, long bound, RandomGenerator random) {
    this.random = random;
    this.bound = bound;
    this.salt = random.nextInt();
    this.log = new OutputLog(memory, bound, this::room, () -> released++);
    this.reader = log.openRunner(this::more);
  }

  private void room() {
    assertTrue(asked, "called without having asked");
    asked = false;
  }

  private void more() {
    assertTrue(parked, "called without having found nothing");
    parked = false;
  }

  boolean isReleased() {
    return released > 0;
  }

  void step() {
    switch (random.nextInt(12)) {
      case 0, 1, 2, 3 -> write();
      case 4, 5, 6 -> read();
      case 7, 8 -> closeSome();
      case 9 -> consume();
      case 10 -> log.trim();
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
    boolean mayBeNull = unconsumed() >= bound || !isEmpty();
    assertTrue(room != null || mayBeNull, "no room in an empty log");
    asked = room == null;
    if (room == null || random.nextInt(4) == 0) {
      return;
    }
    assertTrue(room.byteSize() <= bound - unconsumed());
    int most = (int) room.byteSize();
    int count = random.nextInt(3) == 0 ? most : 1 + random.nextInt(most);
    append(stream, count);
    MemorySegment.copy(MemorySegment.ofArray(bytes), size - count, room, 0, count);
    log.commit(stream, count);
    assertFalse(parked, "nobody was told that there is more");
    if (abandoned) {
      pinned = size;
    }
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

  private void read() {
    if (abandoned) {
      return;
    }
    long at = reader.position();
    int most = 1 + random.nextInt(random.nextBoolean() ? 50 : 300_000);
    parked = at == size;
    Lease lease = reader.next(most);
    if (at == size) {
      assertNull(lease);
      assertEquals(ended, reader.end() != null);
      return;
    }
    assertNotNull(lease);
    assertNull(ended && lease.end() < size ? reader.end() : null);
    assertEquals(at, lease.offset());
    assertTrue(lease.bytes().byteSize() >= 1 && lease.bytes().byteSize() <= most);
    leases.add(lease);
    checkLease(lease);
  }

  private void closeSome() {
    for (int i = random.nextInt(4); i > 0 && !leases.isEmpty(); i--) {
      Lease lease = leases.remove(random.nextInt(leases.size()));
      checkLease(lease);
      lease.close();
    }
  }

  private void consume() {
    long unread = reader.position() - pinned;
    if (unread > 0 && !abandoned) {
      pinned += random.nextBoolean() ? unread : 1 + random.nextLong(unread);
      reader.consumed(pinned);
      assertTrue(!asked || unconsumed() > 0, "empty, and nobody told");
    }
  }

  private void rarely() {
    switch (random.nextInt(40)) {
      case 0 -> abandon();
      case 1 -> end();
      default -> {}
    }
  }

  private void abandon() {
    if (!abandoned) {
      abandoned = true;
      parked = false;
      pinned = size;
      log.abandon();
    }
  }

  private void end() {
    if (!ended) {
      ended = true;
      asked = false;
      log.close(OutputLogTest.END);
      assertSame(OutputLogTest.END, log.end());
    }
  }

  /** Reads, closes and consumes everything: whoever asked is told now. */
  void drain() {
    while (!abandoned && reader.position() < size) {
      read();
    }
    if (!abandoned) {
      pinned = size;
      reader.consumed(pinned);
    }
    closeAll();
    assertTrue(!asked, "nobody was told that there is room");
  }

  void finish() {
    end();
    drain();
    abandon();
    assertEquals(1, released);
  }

  private void closeAll() {
    leases.forEach(this::checkLease);
    leases.forEach(Lease::close);
    leases.clear();
  }

  private void check() {
    assertEquals(size, log.length());
    assertEquals(ended && abandoned && leases.isEmpty() ? 1 : 0, released);
    if (!leases.isEmpty()) {
      checkLease(leases.get(random.nextInt(leases.size())));
    }
  }

  private void checkLease(Lease lease) {
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

  private boolean isEmpty() {
    return unconsumed() == 0 && leases.isEmpty();
  }

  private long unconsumed() {
    return size - pinned;
  }

  private static byte tag(Stream stream) {
    return (byte) (stream == Stream.STDOUT ? 1 : 2);
  }
}
