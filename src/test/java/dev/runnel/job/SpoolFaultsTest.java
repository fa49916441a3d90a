package dev.runnel.job;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.Caller;
import dev.runnel.model.End;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.Labels;
import dev.runnel.model.Outcome;
import dev.runnel.model.Stream;
import dev.runnel.model.StreamTotal;
import dev.runnel.server.Until;
import dev.runnel.spool.FaultyDisk;
import dev.runnel.spool.RecoveredJob;
import dev.runnel.spool.SpoolDirectory;
import dev.runnel.spool.SpooledJob;
import dev.runnel.spool.StubbornDisk;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Spools on a disk that hangs, is full, or throws. The test is the pump and the followers. */
@Tag("slow")
class SpoolFaultsTest {
  private static final byte[] TEXT = "some output\n".getBytes(UTF_8);

  @TempDir
  @SuppressWarnings("NullAway.Init")
  private Path folder;

  private final LogMemory memory = new LogMemory(64 << 20, 64);
  private final StubbornDisk disk = new StubbornDisk();
  private final ScheduledExecutorService later = Executors.newSingleThreadScheduledExecutor();
  private @Nullable SpoolThreads spooler;

  @AfterEach
  void close() throws IOException {
    disk.answer();
    if (spooler != null) {
      spooler.close();
    }
    later.shutdownNow();
  }

  /** A job as its spool sees it. */
  private final class Spooled implements JobSpool.Begun {
    final String name;
    final OutputLog log = new OutputLog(memory, 1 << 20, () -> {});
    final JobSpool spool;
    final ConcurrentLinkedQueue<Object> answers = new ConcurrentLinkedQueue<>();

    Spooled(String name) {
      this.name = name;
      spool = new JobSpool(Objects.requireNonNull(spooler), this::soon, log, 1 << 24);
    }

    private void soon(Runnable task) {
      var _ = later.schedule(task, 10, TimeUnit.MILLISECONDS);
    }

    @Override
    public void begun() {
      answers.add("begun");
    }

    @Override
    public void refused(RejectedException why) {
      answers.add(why);
    }

    Spooled begin() {
      return begin("once", 100);
    }

    Spooled begin(@Nullable String once, int most) {
      spool.begin(job(name, once), most, this);
      return this;
    }

    Spooled begun(String how) throws Exception {
      Until.holds("an answer to " + name, () -> !answers.isEmpty());
      assertEquals(how, how(answers.element()));
      return this;
    }

    void start() {
      spool.started(7, Instant.EPOCH, () -> {});
    }

    void print(byte[] bytes) {
      assertEquals(bytes.length, new LogWriter(log).write(Stream.STDOUT, bytes));
    }

    End end() {
      End end =
          new End(
              Scene.id(name),
              Outcome.EXITED,
              new ExitStatus.Exited(3),
              null,
              new StreamTotal(0, 0),
              new StreamTotal(0, 0),
              log.length(),
              true,
              List.of(),
              0,
              Instant.EPOCH,
              null,
              null,
              false);
      log.close(end);
      spool.ended();
      return end;
    }
  }

  private static String how(Object answer) {
    return answer instanceof RejectedException refused ? refused.code().name() : answer.toString();
  }

  private static SpooledJob job(String name, @Nullable String once) {
    return new SpooledJob(
        Scene.id(name),
        once,
        new Caller("tester", "unix", Caller.Via.UNIX),
        "true",
        "boot",
        Instant.EPOCH,
        1 << 20,
        null,
        Labels.NONE);
  }

  private Spooled spooled(String name) throws IOException {
    if (spooler == null) {
      spooler = new SpoolThreads(SpoolDirectory.open(folder, 1 << 26, disk));
    }
    return new Spooled(name);
  }

  private List<RecoveredJob> nextLife() throws IOException {
    Objects.requireNonNull(spooler).close();
    spooler = null;
    try (SpoolDirectory spools = SpoolDirectory.open(folder, 1 << 26)) {
      return spools.recover();
    }
  }

  private List<String> folders() throws IOException {
    try (java.util.stream.Stream<Path> all = Files.list(folder)) {
      return all.map(path -> path.getFileName().toString())
          .filter(name -> !name.equals(".lock"))
          .sorted()
          .toList();
    }
  }

  private static long threads(String name) {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals(name))
        .count();
  }

  @Test
  void everyThreadIsThereFromTheStart() throws Exception {
    Until.holds("threads of other tests to go", () -> threads("runnel-spool") == 0);
    spooled("a");
    assertEquals(SpoolThreads.WRITERS, threads("runnel-spool"));
    assertTrue(threads("runnel-replay") > 0);
    assertEquals(1, threads("runnel-spool-watch"));
  }

  @Test
  void startThatADiskDoesNotAnswerIsRefusedAndLeavesNothing() throws Exception {
    disk.hang();
    Spooled job = spooled("a").begin().begun("UNAVAILABLE");
    job.log.forget();
    disk.answer();
    Until.holds("its folder to go", () -> folders().isEmpty());
    assertEquals(1, job.answers.size());
    spooled("a").begin().begun("begun");
  }

  @Test
  void startsAreRefusedAtOnceOnceItIsKnownThatTheDiskHangs() throws Exception {
    disk.hang();
    List<Spooled> jobs = new ArrayList<>();
    for (int i = 0; i < SpoolThreads.WRITERS; i++) {
      jobs.add(spooled("j" + i).begin());
    }
    for (Spooled job : jobs) {
      job.begun("UNAVAILABLE");
    }
    Spooled late = spooled("late").begin();
    assertEquals("UNAVAILABLE", how(late.answers.element()));
    disk.answer();
    Until.holds("the disk to be used again", () -> isBegun("again"));
  }

  private boolean isBegun(String name) throws Exception {
    Spooled job = spooled(name).begin();
    Until.holds("an answer", () -> !job.answers.isEmpty());
    return how(job.answers.element()).equals("begun");
  }

  @Test
  void startThatIsCalledOffIsAnsweredNoMore() throws Exception {
    disk.hang();
    Spooled job = spooled("a").begin();
    Until.holds("the disk to be asked", () -> disk.waiting() == 1);
    assertTrue(job.spool.callOff());
    assertFalse(job.spool.callOff());
    End end = job.end();
    // Nobody waits for such a disk to be told that it was canceled.
    LogReader watcher = job.log.openWatcher(0, () -> {});
    assertEquals(end, watcher.end());
    disk.answer();
    assertEquals(end, nextLife().getFirst().end());
    assertTrue(job.answers.isEmpty());
  }

  @Test
  void onePrincipalsStartsThatWaitAreBounded() throws Exception {
    disk.hang();
    List<Spooled> jobs = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      jobs.add(spooled("j" + i).begin("once", 3));
    }
    assertEquals(
        List.of("BUSY", "BUSY"),
        jobs.stream().flatMap(job -> job.answers.stream()).map(SpoolFaultsTest::how).toList());
    disk.answer();
    for (Spooled job : jobs.subList(0, 3)) {
      job.begun("begun");
    }
    spooled("more").begin("once", 1).begun("begun");
  }

  @Test
  void fileThatHangsHoldsUpNoOtherJobs() throws Exception {
    Spooled hung = spooled("hung").begin().begun("begun");
    Set<FileChannel> others = ConcurrentHashMap.newKeySet();
    disk.hang(file -> !others.contains(file) && others.isEmpty());
    hung.start();
    Until.holds("its file to hang", () -> disk.waiting() == 1);
    disk.hang(_ -> false);
    for (int i = 0; i < 20; i++) {
      Spooled job = spooled("j" + i).begin().begun("begun");
      job.start();
      job.print(TEXT);
      job.end();
      Until.holds("its end to be written", () -> !job.spool.isEndUnwritten());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"IOException", "RuntimeException", "OutOfMemoryError", "Error"})
  void startIsAnsweredWhateverIsThrown(String kind) throws Exception {
    disk.fail(throwable(kind), 1);
    Spooled job = spooled("a").begin().begun("UNAVAILABLE");
    job.log.forget();
    Until.holds("its folder to go", () -> folders().isEmpty());
    spooled("a").begin().begun("begun");
  }

  @ParameterizedTest
  @ValueSource(strings = {"IOException", "RuntimeException", "OutOfMemoryError", "Error"})
  void allIsWrittenInTheEndWhateverIsThrown(String kind) throws Exception {
    Spooled job = spooled("a").begin().begun("begun");
    disk.fail(throwable(kind), 3);
    job.start();
    job.print(TEXT);
    End end = job.end();
    Until.holds("its end to be written", () -> !job.spool.isEndUnwritten());
    RecoveredJob found = nextLife().getFirst();
    assertEquals(end, found.end());
    assertNotNull(found.process());
    assertEquals(TEXT.length, found.file().end());
  }

  private static Throwable throwable(String kind) {
    return switch (kind) {
      case "IOException" -> new IOException("No space left on device");
      case "RuntimeException" -> new IllegalStateException("a mistake of ours");
      case "OutOfMemoryError" -> new OutOfMemoryError("unable to create native thread");
      default -> new Error("something else");
    };
  }

  @Test
  void jobThatMayRunOnlyOnceIsRefusedWhereItCannotBeWrittenDown() throws Exception {
    disk.fail(new IOException("No space left on device"), 1_000_000);
    Spooled job = spooled("a").begin().begun("UNAVAILABLE");
    RejectedException why = (RejectedException) job.answers.element();
    assertTrue(String.valueOf(why.getMessage()).contains("No space left on device"));
  }

  @Test
  void jobThatMayRunAgainGoesOnWithoutTheDiskAndIsWrittenDownLater() throws Exception {
    disk.fail(new IOException("No space left on device"), 1_000_000);
    Spooled job = spooled("a").begin(null, 1).begun("begun");
    job.start();
    job.print(TEXT);
    disk.fail(new IOException(), 0);
    Until.holds("its output to be written", () -> job.spool.available(0) == 0);
    End end = job.end();
    RecoveredJob found = nextLife().getFirst();
    assertEquals(end, found.end());
    assertNotNull(found.process());
  }

  @Test
  void endThatAFullDiskDidNotTakeIsWrittenWhenItDoes() throws Exception {
    FaultyDisk full = new FaultyDisk();
    spooler = new SpoolThreads(SpoolDirectory.open(folder, 1 << 26, full));
    Spooled job = spooled("a").begin().begun("begun");
    full.fillUp(0);
    job.start();
    job.print(TEXT);
    End end = job.end();
    // Nobody waits for a full disk to be told how it ended.
    LogReader watcher = job.log.openWatcher(TEXT.length, () -> {});
    Until.holds("the end to be told", () -> watcher.next(1) == null && watcher.end() != null);
    assertTrue(job.spool.isEndUnwritten());
    full.empty();
    Until.holds("the end to be written", () -> !job.spool.isEndUnwritten());
    RecoveredJob found = nextLife().getFirst();
    assertEquals(end, found.end());
    assertNotNull(found.process());
    assertEquals(TEXT.length, found.file().end());
  }

  @Test
  void nobodyWaitsForOutputThatHadNoRoomWhereTheEndHad() throws Exception {
    FaultyDisk full = new FaultyDisk();
    spooler = new SpoolThreads(SpoolDirectory.open(folder, 1 << 26, full));
    Spooled job = spooled("a").begin().begun("begun");
    byte[] large = new byte[10_000];
    full.hold();
    job.start();
    job.print(large);
    End end = job.end();
    full.refuseBeyond(large.length / 2);
    full.release();
    Until.holds("the end to be written", () -> !job.spool.isEndUnwritten());
    LogReader watcher = job.log.openWatcher(0, () -> {});
    assertEquals(end, readOn(watcher));
    assertEquals(large.length, watcher.position());
  }

  /** Whatever the disk takes and refuses meanwhile, and whether it ever takes all. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void everyReaderReachesTheEnd(long seed) throws Exception {
    SplittableRandom random = new SplittableRandom(seed);
    FaultyDisk faulty = new FaultyDisk();
    spooler = new SpoolThreads(SpoolDirectory.open(folder, 1 << 26, faulty));
    for (int run = 0; run < 20; run++) {
      Spooled job = spooled("a" + run).begin().begun("begun");
      List<LogReader> readers = new ArrayList<>(List.of(job.log.openRunner(0, () -> {})));
      job.start();
      for (int step = random.nextInt(12); step > 0; step--) {
        switch (random.nextInt(6)) {
          case 0 -> faulty.refuseBeyond(random.nextInt(6_000));
          case 1 -> faulty.fillUp(random.nextInt(20_000));
          case 2 -> faulty.empty();
          case 3 -> readers.add(job.log.openWatcher(0, () -> {}));
          case 4 -> readers.forEach(SpoolFaultsTest::readOn);
          default -> job.print(new byte[1 + random.nextInt(20_000)]);
        }
        LockSupport.parkNanos(random.nextInt(3) * 1_000_000L);
      }
      End end = job.end();
      readers.add(job.log.openWatcher(0, () -> {}));
      for (LogReader reader : readers) {
        Until.holds(run + ": the end", () -> end.equals(readOn(reader)));
        assertEquals(job.log.length(), reader.position());
      }
      faulty.empty();
    }
  }

  private static @Nullable End readOn(LogReader reader) {
    LentSlice lease = reader.next(10_000);
    while (lease != null) {
      lease.close();
      reader.consumed(reader.position());
      lease = reader.next(10_000);
    }
    return reader.end();
  }

  @Test
  void endIsTriedOnceMoreWhenTheDaemonEnds() throws Exception {
    Spooled job = spooled("a").begin().begun("begun");
    later.shutdownNow();
    disk.fail(new IOException("No space left on device"), 2);
    job.start();
    Until.holds("the disk to be full", () -> !job.log.isHeldBack());
    End end = job.end();
    assertEquals(end, nextLife().getFirst().end());
  }

  @Test
  void closeIsBoundedIfTheDiskIsFullOrHangs() throws Exception {
    Spooled job = spooled("a").begin().begun("begun");
    disk.fail(new IOException("No space left on device"), 1_000_000);
    job.end();
    SpoolThreads full = Objects.requireNonNull(spooler);
    spooler = null;
    assertThrows(IOException.class, full::close);
    disk.fail(new IOException(), 0);
    Spooled hung = spooled("b").begin().begun("begun");
    disk.hang();
    hung.end();
    SpoolThreads hanging = Objects.requireNonNull(spooler);
    spooler = null;
    long before = System.nanoTime();
    assertThrows(IOException.class, hanging::close);
    long took = System.nanoTime() - before;
    assertTrue(took < Duration.ofSeconds(20).toNanos(), () -> "took ns: " + took);
  }

  @Test
  void processStandsBeforeItsOutputHoweverShortItLives() throws Exception {
    List<Spooled> jobs = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      jobs.add(spooled("j" + i).begin());
    }
    for (Spooled job : jobs) {
      job.begun("begun");
    }
    jobs.parallelStream()
        .forEach(
            job -> {
              job.start();
              job.print(TEXT);
              job.end();
            });
    List<RecoveredJob> all = nextLife();
    assertEquals(50, all.size());
    for (RecoveredJob found : all) {
      assertEquals(new RecoveredJob.Birth(7, Instant.EPOCH), found.process());
      assertEquals(Outcome.EXITED, found.end().outcome());
      assertEquals(TEXT.length, found.file().end());
    }
  }

  @Test
  void readersGetNothingThatIsNotOnTheDisk() throws Exception {
    Spooled job = spooled("a").begin().begun("begun");
    job.start();
    Until.holds("its start to be written", job.spool::mayTellStarted);
    disk.hang();
    job.print(TEXT);
    Until.holds("the disk to be asked", () -> disk.waiting() == 1);
    ConcurrentLinkedQueue<Boolean> more = new ConcurrentLinkedQueue<>();
    LogReader runner = job.log.openRunner(0, () -> more.add(true));
    LogReader watcher = job.log.openWatcher(0, () -> more.add(true));
    assertTrue(job.log.isHeldBack());
    assertNull(runner.next(100));
    assertNull(watcher.next(100));
    disk.answer();
    Until.holds("both to be called", () -> more.size() == 2);
    read(runner);
    read(watcher);
    disk.hang();
    End end = job.end();
    Until.holds("the disk to be asked", () -> disk.waiting() == 1);
    assertNull(runner.next(100));
    assertNull(runner.end());
    assertNull(watcher.next(100));
    assertNull(watcher.end());
    disk.answer();
    Until.holds("both to be called", () -> more.size() == 4);
    assertEquals(end, runner.end());
    assertEquals(end, watcher.end());
  }

  private static void read(LogReader reader) {
    try (LentSlice lease = Objects.requireNonNull(reader.next(100))) {
      assertEquals(TEXT.length, lease.bytes().toArray(ValueLayout.JAVA_BYTE).length);
    }
  }

  @Test
  void diskThatHangsHoldsReadersBackForAWhileOnly() throws Exception {
    Spooled job = spooled("a").begin().begun("begun");
    disk.hang();
    job.start();
    job.print(TEXT);
    End end = job.end();
    ConcurrentLinkedQueue<Boolean> more = new ConcurrentLinkedQueue<>();
    LogReader watcher = job.log.openWatcher(0, () -> more.add(true));
    if (watcher.next(0) == null) {
      Until.holds("it to be called", () -> !more.isEmpty());
    }
    read(watcher);
    assertNull(watcher.next(100));
    assertEquals(end, watcher.end());
    assertTrue(job.spool.mayTellStarted());
  }

  @Test
  void filesGrowNotBeyondWhatAllMayTakeUpHoweverManyWriteAtOnce() throws Exception {
    SpoolDirectory spools = SpoolDirectory.open(folder, 1 << 20);
    spooler = new SpoolThreads(spools);
    List<Spooled> jobs = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      jobs.add(spooled("j" + i).begin());
    }
    for (Spooled job : jobs) {
      job.begun("begun");
      job.log.vacate(OutputLog.Vacancy.DROP);
    }
    Consumer<Spooled> flood =
        job ->
            IntStream.range(0, 20)
                .forEach(_ -> new LogWriter(job.log).write(Stream.STDOUT, new byte[50_000]));
    jobs.parallelStream().forEach(flood);
    assertTrue(spools.usedBytes() <= 1 << 20, () -> "used: " + spools.usedBytes());
    jobs.forEach(Spooled::end);
  }
}
