package dev.runnel.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.Stream;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Logs with a writer and a reader that really are two threads. */
class OutputLogStressTest {
  private static final int PAIRS = 3;
  private static final long BYTES = 32L << 20;
  private static final int SHORT_LOGS = 5_000;

  // Every byte says where it is; no chunk's size divides the length.
  private static final byte[] PATTERN = new byte[(1 << 20) + 7];

  static {
    new SplittableRandom(1).nextBytes(PATTERN);
  }

  private final LogMemory memory = new LogMemory(1 << 20, PAIRS);
  private final ExecutorService threads = Executors.newFixedThreadPool(2 * PAIRS);

  @AfterEach
  void close() {
    threads.shutdownNow();
  }

  /** A log whose threads wait for it as the pump and a follower would. */
  private final class Pair {
    final Semaphore room = new Semaphore(0);
    final Semaphore more = new Semaphore(0);
    final SplittableRandom writers;
    final SplittableRandom readers;
    final OutputLog log;
    final LogReader reader;
    final ArrayDeque<LentSlice> held = new ArrayDeque<>();

    Pair(long bound, SplittableRandom random) {
      writers = random.split();
      readers = random.split();
      log = new OutputLog(memory, bound, room::release);
      reader = log.openRunner(0, more::release);
    }

    /** Writes so much, then ends the log. */
    void write(long bytes) throws InterruptedException {
      for (long at = 0; at < bytes; ) {
        Stream stream = streamAt(at);
        MemorySegment reserved = log.reserve(stream);
        if (reserved == null) {
          room.acquire();
          continue;
        }
        int most = (int) Math.min(Math.min(reserved.byteSize(), bytes - at), restOfStream(at));
        int count = writers.nextBoolean() ? most : 1 + writers.nextInt(most);
        copy(at, reserved, count);
        log.commit(stream, count);
        at += count;
      }
      // What the pump does at the end of a pipe.
      log.reserve(Stream.STDOUT);
      log.close(OutputLogTest.END);
    }

    /** Reads to the end, or as far as told, then leaves. */
    void read(long bytes) throws InterruptedException {
      while (reader.end() == null && reader.position() < bytes) {
        LentSlice lease = reader.next(1 + readers.nextInt(200_000));
        if (lease == null) {
          consume(0);
          more.acquire();
          continue;
        }
        held.add(lease);
        if (readers.nextInt(3) == 0) {
          consume(readers.nextInt(4));
        }
      }
      leave();
    }

    private void consume(int keep) {
      while (held.size() > keep) {
        check(held.remove());
      }
      reader.consumed(reader.position());
    }

    private void leave() {
      if (readers.nextBoolean()) {
        log.vacate(OutputLog.Vacancy.DROP);
        held.forEach(this::check);
      } else {
        held.forEach(this::check);
        log.vacate(OutputLog.Vacancy.DROP);
      }
    }

    void forget() {
      log.keep();
      log.forget();
      assertEquals(log.length(), log.floor());
    }

    private void check(LentSlice lease) {
      assertEquals(-1, mismatch(lease));
      assertEquals(streamAt(lease.offset()), lease.stream());
      lease.close();
    }
  }

  @Test
  void readersSeeWhatWritersWrote() throws Exception {
    SplittableRandom random = new SplittableRandom(2);
    for (long bound : new long[] {1_024, 65_536, 1 << 20}) {
      long bytes = Math.min(BYTES, bound * 1_024);
      List<Pair> pairs = new ArrayList<>();
      List<Callable<Void>> work = new ArrayList<>();
      for (int i = 0; i < PAIRS; i++) {
        Pair pair = new Pair(bound, random);
        pairs.add(pair);
        work.add(() -> run(() -> pair.write(bytes)));
        work.add(() -> run(() -> pair.read(Long.MAX_VALUE)));
      }
      finish(work);
      pairs.forEach(pair -> assertEquals(bytes, pair.reader.position()));
      pairs.forEach(Pair::forget);
      assertEquals(0, memory.sharedBytes());
    }
  }

  @Test
  void readersMayLeaveWhileWritersWrite() throws Exception {
    SplittableRandom random = new SplittableRandom(3);
    for (int i = 0; i < SHORT_LOGS; i++) {
      Pair pair = new Pair(1_024 << random.nextInt(11), random);
      long bytes = random.nextInt(random.nextBoolean() ? 2_000 : 400_000);
      long read = random.nextLong(bytes + 1);
      finish(List.of(() -> run(() -> pair.write(bytes)), () -> run(() -> pair.read(read))));
      assertEquals(bytes, pair.log.length());
      pair.forget();
      assertEquals(0, memory.sharedBytes());
    }
  }

  /** One log with several who take each other's seat, and others who look on. */
  private final class Crowd {
    final long bytes;
    final Pair pair;
    final Object seat = new Object();
    // Below it nothing is asked for again.
    long acknowledged;
    int takeovers;
    volatile @Nullable LogReader holder;

    Crowd(long bound, long bytes, SplittableRandom random) {
      this.bytes = bytes;
      this.pair = new Pair(bound, random);
    }

    /** Takes the seat, reads a while, and again, until somebody has the end. */
    void run(SplittableRandom random) throws InterruptedException {
      boolean ended = false;
      while (!ended) {
        Semaphore more = new Semaphore(0);
        LogReader reader;
        synchronized (seat) {
          holder = null;
          reader = pair.log.openRunner(acknowledged, more::release);
          holder = reader;
          takeovers++;
        }
        ended = sit(reader, more, 1 + random.nextInt(400), random);
        pair.log.leave(reader);
      }
    }

    // Its successor may take the seat at any moment: then nothing is kept for this one.
    private boolean sit(LogReader reader, Semaphore more, int leases, SplittableRandom random)
        throws InterruptedException {
      for (int i = 0; i < leases && reader.end() == null; ) {
        long before = reader.position();
        LentSlice lease = reader.next(1 + random.nextInt(60_000));
        if (lease == null) {
          if (!more.tryAcquire(5, TimeUnit.MILLISECONDS)) {
            return reader.end() != null;
          }
          continue;
        }
        assertTrue(lease.offset() == before || holder != reader, () -> "gap from " + before);
        pair.check(lease);
        acknowledge(reader);
        i++;
      }
      return reader.end() != null;
    }

    private void acknowledge(LogReader reader) {
      synchronized (seat) {
        acknowledged = Math.max(acknowledged, reader.position());
      }
      reader.consumed(reader.position());
    }

    /** Looks on from somewhere, until the end; what it is too slow for it misses. */
    void watch(SplittableRandom random) throws InterruptedException {
      while (true) {
        Semaphore more = new Semaphore(0);
        long from = random.nextLong(pair.log.length() + 1);
        LogReader reader = pair.log.openWatcher(from, more::release);
        long until = random.nextBoolean() ? bytes : random.nextLong(bytes);
        while (reader.end() == null && reader.position() < until) {
          LentSlice lease = reader.next(1 + random.nextInt(60_000));
          if (lease == null) {
            more.acquire();
          } else {
            pair.check(lease);
          }
        }
        boolean ended = reader.end() != null;
        pair.log.leave(reader);
        if (ended) {
          return;
        }
      }
    }
  }

  @Test
  void seatsChangeAndWatchersComeAndGoWhileAWriterWrites() throws Exception {
    SplittableRandom random = new SplittableRandom(4);
    for (long bound : new long[] {1_024, 65_536, 1 << 20}) {
      long bytes = Math.min(BYTES / 2, bound * 512);
      Crowd crowd = new Crowd(bound, bytes, random);
      List<Callable<Void>> work = new ArrayList<>();
      work.add(() -> run(() -> crowd.pair.write(bytes)));
      for (int i = 0; i < 2; i++) {
        SplittableRandom runners = random.split();
        SplittableRandom watchers = random.split();
        work.add(() -> run(() -> crowd.run(runners)));
        work.add(() -> run(() -> crowd.watch(watchers)));
      }
      finish(work);
      assertEquals(bytes, crowd.pair.log.length());
      assertTrue(crowd.takeovers > 2, () -> "takeovers: " + crowd.takeovers);
      crowd.pair.log.vacate(OutputLog.Vacancy.DROP);
      crowd.pair.forget();
      assertEquals(0, memory.sharedBytes());
    }
  }

  private interface Work {
    void run() throws InterruptedException;
  }

  @SuppressWarnings("NullAway") // Void has no other value.
  private static Void run(Work work) throws InterruptedException {
    work.run();
    return null;
  }

  private void finish(List<Callable<Void>> work) throws Exception {
    for (Future<Void> done : threads.invokeAll(work)) {
      done.get();
    }
  }

  private static void copy(long at, MemorySegment to, int count) {
    for (int done = 0; done < count; ) {
      int from = (int) ((at + done) % PATTERN.length);
      int length = Math.min(count - done, PATTERN.length - from);
      MemorySegment.copy(MemorySegment.ofArray(PATTERN), from, to, done, length);
      done += length;
    }
  }

  private static long mismatch(LentSlice lease) {
    MemorySegment bytes = lease.bytes();
    MemorySegment expected = MemorySegment.ofArray(new byte[(int) bytes.byteSize()]);
    copy(lease.offset(), expected, (int) bytes.byteSize());
    return bytes.mismatch(expected);
  }

  // Runs of 10,000 bytes, so that most reads are not cut by the stream.
  private static Stream streamAt(long offset) {
    return offset / 10_000 % 3 == 0 ? Stream.STDERR : Stream.STDOUT;
  }

  private static long restOfStream(long offset) {
    return 10_000 - offset % 10_000;
  }
}
