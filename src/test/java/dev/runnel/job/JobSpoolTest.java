package dev.runnel.job;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.Caller;
import dev.runnel.model.End;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.Labels;
import dev.runnel.model.Outcome;
import dev.runnel.model.Stream;
import dev.runnel.model.StreamTotal;
import dev.runnel.spool.FaultyDisk;
import dev.runnel.spool.RecoveredJob;
import dev.runnel.spool.SpoolDirectory;
import dev.runnel.spool.SpoolDisk;
import dev.runnel.spool.SpooledJob;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.WeakReference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A log, its spool and a real disk. The test is the pump and the followers. */
class JobSpoolTest {
  private static final int RETAIN = 65_536;
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(30);

  @TempDir
  @SuppressWarnings("NullAway.Init")
  private Path folder;

  private final LogMemory memory = new LogMemory(8 << 20, 16);
  private final Semaphore more = new Semaphore(0);
  private final Semaphore room = new Semaphore(0);
  private final OutputLog log = new OutputLog(memory, RETAIN, room::release);
  private final ConcurrentLinkedQueue<Runnable> retries = new ConcurrentLinkedQueue<>();
  private final ByteArrayOutputStream written = new ByteArrayOutputStream();
  private final Random random = new Random(5);
  private @Nullable SpoolThreads spooler;

  @AfterEach
  void close() throws IOException {
    if (spooler != null) {
      spooler.close();
    }
  }

  private JobSpool spool(SpoolDisk disk, long maxBytes) throws Exception {
    SpoolThreads opened = new SpoolThreads(SpoolDirectory.open(folder, 1 << 24, disk));
    spooler = opened;
    JobSpool spool = new JobSpool(opened, retries::add, log, maxBytes);
    CountDownLatch begun = new CountDownLatch(1);
    spool.begin(job(), 1, new Begun(begun::countDown, _ -> {}));
    assertTrue(begun.await(30, TimeUnit.SECONDS));
    spool.started(7, Instant.EPOCH, () -> {});
    return spool;
  }

  private record Begun(Runnable then, Consumer<RejectedException> otherwise)
      implements JobSpool.Begun {
    @Override
    public void begun() {
      then.run();
    }

    @Override
    public void refused(RejectedException why) {
      otherwise.accept(why);
    }
  }

  private static SpooledJob job() {
    return new SpooledJob(
        Scene.id("a"),
        null,
        new Caller("tester", "unix", Caller.Via.UNIX),
        "true",
        "boot",
        Instant.EPOCH,
        RETAIN,
        null,
        Labels.NONE);
  }

  // The pump.

  private void write(int bytes) throws InterruptedException {
    int end = written.size() + bytes;
    while (written.size() < end) {
      if (!writeSome(end - written.size())) {
        assertTrue(room.tryAcquire(30, TimeUnit.SECONDS), "no room");
      }
    }
  }

  private boolean writeSome(int most) {
    Stream stream = random.nextInt(8) == 0 ? Stream.STDERR : Stream.STDOUT;
    MemorySegment segment = log.reserve(stream);
    if (segment == null) {
      return false;
    }
    byte[] bytes = new byte[(int) Math.min(most, Math.min(segment.byteSize(), 9_000))];
    random.nextBytes(bytes);
    MemorySegment.copy(bytes, 0, segment, ValueLayout.JAVA_BYTE, 0, bytes.length);
    log.commit(stream, bytes.length);
    written.writeBytes(bytes);
    return true;
  }

  private End end() {
    End end = ended(written.size());
    log.close(end);
    return end;
  }

  private static End ended(long bytes) {
    return new End(
        Scene.id("a"),
        Outcome.EXITED,
        new ExitStatus.Exited(3),
        null,
        new StreamTotal(0, 0),
        new StreamTotal(0, 0),
        bytes,
        true,
        List.of(),
        0,
        Instant.EPOCH,
        null,
        null,
        false);
  }

  // A follower.

  private record Gap(long from, long to) {}

  /** Reads from where the reader stands to the log's length, and checks each byte there is. */
  private List<Gap> readAll(LogReader reader) throws InterruptedException {
    List<Gap> gaps = new ArrayList<>();
    byte[] all = written.toByteArray();
    while (reader.position() < all.length) {
      long before = reader.position();
      LentSlice lease = reader.next(10_000);
      long from = lease == null ? reader.position() : lease.offset();
      if (from > before) {
        gaps.add(new Gap(before, from));
      }
      if (lease == null) {
        if (reader.position() < all.length) {
          assertTrue(more.tryAcquire(30, TimeUnit.SECONDS), "nothing more");
        }
        continue;
      }
      try (lease) {
        assertArrayEquals(
            Arrays.copyOfRange(all, (int) from, (int) lease.end()),
            lease.bytes().toArray(ValueLayout.JAVA_BYTE));
        reader.consumed(lease.end());
      }
    }
    return gaps;
  }

  private LogReader watcher(long from) {
    return log.openWatcher(from, more::release);
  }

  private static void await(BooleanSupplier condition) throws InterruptedException {
    long limit = System.nanoTime() + PATIENCE_NANOS;
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() < limit, "nothing happens");
      TimeUnit.MILLISECONDS.sleep(1);
    }
  }

  @Test
  void replaysWhatMemoryHasNoMore() throws Exception {
    spool(SpoolDisk.PLAIN, 1 << 24);
    log.vacate(OutputLog.Vacancy.DROP);
    write(2 << 20);
    assertTrue(log.floor() > 1 << 20);
    for (long from : new long[] {0, 1, 70_000, 1_900_000, (2 << 20) - 1}) {
      LogReader watcher = watcher(from);
      assertEquals(List.of(), readAll(watcher));
      log.leave(watcher);
    }
    LogReader runner = log.openRunner(0, more::release);
    assertEquals(List.of(), readAll(runner));
    log.leave(runner);
  }

  @Test
  void isRecoveredWholeWithItsEnd() throws Exception {
    JobSpool spool = spool(SpoolDisk.PLAIN, 1 << 24);
    log.vacate(OutputLog.Vacancy.DROP);
    write(300_000);
    End end = end();
    await(() -> spool.available(0) == 0 && spool.available(299_999) == 299_999);
    close();
    spooler = null;
    try (SpoolDirectory spools = SpoolDirectory.open(folder, 1 << 24)) {
      RecoveredJob found = spools.recover().getFirst();
      assertEquals(end, found.end());
      assertEquals(new RecoveredJob.Birth(7, Instant.EPOCH), found.process());
      assertEquals(300_000, found.file().end());
    }
  }

  @Test
  void holdsTheWriterBackWhileTheDiskIsSlow() throws Exception {
    CountDownLatch slow = new CountDownLatch(1);
    SpoolDisk disk =
        (file, bytes) -> {
          if (file.position() > 400) {
            awaitQuietly(slow);
          }
          SpoolDisk.PLAIN.write(file, bytes);
        };
    spool(disk, 1 << 24);
    log.vacate(OutputLog.Vacancy.DROP);
    while (writeSome(9_000)) {
      // Until it has to wait.
    }
    assertTrue(written.size() <= 2 * RETAIN, () -> "written: " + written.size());
    slow.countDown();
    write(500_000);
    assertEquals(List.of(), readAll(watcher(0)));
  }

  @Test
  void writesAllThatThereIsBeforeItIsClosed() throws Exception {
    CountDownLatch slow = new CountDownLatch(1);
    spool(
        (file, bytes) -> {
          if (file.position() > 400) {
            awaitQuietly(slow);
          }
          SpoolDisk.PLAIN.write(file, bytes);
        },
        1 << 24);
    // In many pieces: more than a job writes before it is others' turn.
    while (written.size() < 1_000) {
      writeSome(1);
    }
    End end = end();
    Thread closer = Thread.ofPlatform().start(this::closeQuietly);
    await(() -> closer.getState() == Thread.State.TIMED_WAITING);
    slow.countDown();
    closer.join();
    spooler = null;
    try (SpoolDirectory spools = SpoolDirectory.open(folder, 1 << 24)) {
      RecoveredJob found = spools.recover().getFirst();
      assertEquals(1_000, found.file().end());
      assertEquals(end, found.end());
    }
  }

  private void closeQuietly() {
    try {
      close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      assertTrue(latch.await(30, TimeUnit.SECONDS));
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void declaresWhatAFullDiskDidNotTakeAndGoesOn() throws Exception {
    FaultyDisk disk = new FaultyDisk();
    JobSpool spool = spool(disk, 1 << 24);
    log.vacate(OutputLog.Vacancy.DROP);
    write(200_000);
    await(() -> spool.available(199_999) == 199_999);
    disk.fillUp(50_000);
    write(1 << 20);
    await(() -> !retries.isEmpty());
    List<Gap> gaps = readAll(watcher(0));
    assertEquals(1, gaps.size());
    assertTrue(gaps.getFirst().from() >= 200_000 && gaps.getFirst().from() <= 250_000);
    assertEquals(log.floor(), gaps.getFirst().to());
    disk.empty();
    retries.remove().run();
    await(() -> spool.available(written.size() - 1) == written.size() - 1);
    write(1 << 20);
    List<Gap> later = readAll(watcher(0));
    assertEquals(1, later.size());
    assertEquals(gaps.getFirst().from(), later.getFirst().from());
    assertTrue(later.getFirst().to() <= written.size() - (1 << 20));
  }

  @Test
  void declaresWhatIsBeyondItsLimit() throws Exception {
    spool(SpoolDisk.PLAIN, 100_000);
    log.vacate(OutputLog.Vacancy.DROP);
    write(1 << 20);
    end();
    List<Gap> gaps = readAll(watcher(0));
    assertEquals(1, gaps.size());
    assertTrue(gaps.getFirst().from() > 90_000 && gaps.getFirst().from() < 100_000);
    assertTrue(gaps.getFirst().to() <= written.size());
  }

  @Test
  void losesNothingForARunnerWhenTheDiskIsFull() throws Exception {
    spool(SpoolDisk.PLAIN, 100_000);
    LogReader runner = log.openRunner(0, more::release);
    while (written.size() < 300_000) {
      while (writeSome(9_000)) {
        // Until it has to wait for the disk, or for the runner.
      }
      if (!room.tryAcquire(10, TimeUnit.MILLISECONDS)) {
        assertEquals(List.of(), readAll(runner));
      }
    }
    assertEquals(List.of(), readAll(runner));
  }

  @Test
  void readersThatLeaveAHungDiskLeaveNothingInItsQueue() throws Exception {
    spool(SpoolDisk.PLAIN, 1 << 24);
    SpoolThreads hung = Objects.requireNonNull(spooler);
    log.vacate(OutputLog.Vacancy.DROP);
    write(500_000);
    CountDownLatch disk = new CountDownLatch(1);
    for (int i = 0; i < 10; i++) {
      hung.read(() -> awaitQuietly(disk));
    }
    await(() -> hung.waitingReads() == 6);
    for (int i = 0; i < 100; i++) {
      LogReader watcher = watcher(0);
      assertNull(watcher.next(10_000));
      log.leave(watcher);
    }
    assertEquals(6, hung.waitingReads());
    disk.countDown();
    assertEquals(List.of(), readAll(watcher(0)));
  }

  @Test
  void leavesNothingBehindWhenItIsForgotten() throws Exception {
    spool(SpoolDisk.PLAIN, 1 << 24);
    log.vacate(OutputLog.Vacancy.DROP);
    write(500_000);
    LogReader watcher = watcher(0);
    assertEquals(List.of(), readAll(watcher));
    end();
    log.keep();
    log.forget();
    log.leave(watcher);
    close();
    spooler = null;
    assertEquals(0, memory.sharedBytes());
    try (SpoolDirectory spools = SpoolDirectory.open(folder, 1 << 24)) {
      assertEquals(List.of(), spools.recover());
      assertEquals(0, spools.usedBytes());
    }
  }

  private record Kept(WeakReference<OutputLog> log, Runnable forget) {}

  // In a method of its own: nothing of it is on the test's stack afterwards.
  private Kept keptRecord(SpoolThreads threads) throws Exception {
    OutputLog other = new OutputLog(memory, RETAIN, () -> {});
    JobSpool spool = new JobSpool(threads, retries::add, other, 1 << 20);
    CountDownLatch begun = new CountDownLatch(1);
    spool.begin(job(), 1, new Begun(begun::countDown, _ -> {}));
    assertTrue(begun.await(30, TimeUnit.SECONDS));
    spool.started(7, Instant.EPOCH, () -> {});
    other.close(ended(0));
    await(() -> !spool.isEndUnwritten());
    return new Kept(new WeakReference<>(other), other.forgetButRecord());
  }

  @Test
  void recordThatIsKeptHoldsNothingOfItsJobButTheFile() throws Exception {
    SpoolThreads threads = new SpoolThreads(SpoolDirectory.open(folder, 1 << 24));
    spooler = threads;
    Kept kept = keptRecord(threads);
    await(
        () -> {
          System.gc();
          return kept.log.refersTo(null);
        });
    assertTrue(Files.exists(folder.resolve("a/spool")));
    kept.forget.run();
    await(() -> !Files.exists(folder.resolve("a")));
  }

  @Test
  void startsTheCommandThoughTheDiskTakesNothing() throws Exception {
    FaultyDisk disk = new FaultyDisk();
    disk.fillUp(10);
    JobSpool spool = spool(disk, 1 << 24);
    log.vacate(OutputLog.Vacancy.DROP);
    write(500_000);
    assertEquals(1, readAll(watcher(0)).size());
    assertFalse(spool.available(0) < Long.MAX_VALUE);
  }
}
