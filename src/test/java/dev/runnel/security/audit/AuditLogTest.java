package dev.runnel.security.audit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.Argument;
import dev.runnel.model.Caller;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.JobId;
import dev.runnel.model.Secrets;
import dev.runnel.security.audit.AuditLog.Options;
import dev.runnel.server.Until;
import io.vertx.core.Future;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is written down, when, and what happens if it can't be. */
@Tag("slow")
class AuditLogTest {
  private static final Caller CALLER = new Caller("ci", "192.0.2.1", Caller.Via.TCP);
  private static final JobId JOB = new JobId("job-1");
  private static final Options REFUSE =
      new Options(Options.Arguments.DIGEST, Options.OnFailure.REFUSE);
  private static final Options GO_ON =
      new Options(Options.Arguments.WRITTEN, Options.OnFailure.GO_ON);

  private static final AuditLog.Patience PATIENT =
      new AuditLog.Patience(Duration.ofHours(1), Duration.ofHours(2));
  private static final AuditLog.Patience SLOW_ALONE =
      new AuditLog.Patience(Duration.ofSeconds(1), Duration.ofHours(2));

  private final Disk disk = new Disk();

  /** Takes lines, unless it is full or held. */
  private static final class Disk implements AuditSink {
    private final List<String> lines = new ArrayList<>();
    private boolean full;
    private CountDownLatch held = new CountDownLatch(0);

    @Override
    public void write(byte[] bytes) throws IOException {
      try {
        hold().await();
      } catch (InterruptedException e) {
        throw new IOException(e);
      }
      synchronized (this) {
        if (full) {
          throw new IOException("No space left on device");
        }
        lines.addAll(new String(bytes, StandardCharsets.UTF_8).lines().toList());
      }
    }

    private synchronized CountDownLatch hold() {
      return held;
    }

    synchronized void fill(boolean isFull) {
      full = isFull;
    }

    synchronized CountDownLatch stop() {
      held = new CountDownLatch(1);
      return held;
    }

    synchronized List<String> lines() {
      return List.copyOf(lines);
    }

    @Override
    public void close() {}
  }

  private static AuditEntry start(String... argv) {
    return AuditEntry.start(CALLER, JOB, new AuditEntry.Terms("rule", null), CommandSpec.of(argv));
  }

  private static AuditEntry denial() {
    return AuditEntry.denied(CALLER, "run", JOB, ErrorCode.FORBIDDEN, "why");
  }

  private static boolean succeeds(Future<Void> future) throws Exception {
    var done = future.toCompletionStage().toCompletableFuture();
    return done.handle((_, failure) -> failure == null).get(30, TimeUnit.SECONDS);
  }

  @Test
  void startIsWrittenBeforeItIsTold() throws Exception {
    try (AuditLog audit = new AuditLog(disk, REFUSE)) {
      CountDownLatch held = disk.stop();
      Future<Void> written = audit.before(() -> start("id"));
      assertFalse(written.isComplete());
      held.countDown();
      assertTrue(succeeds(written));
      assertEquals(1, disk.lines().size());
    }
  }

  @Test
  void linesHaveADigestAndArgumentsOnlyIfAskedFor() throws Exception {
    try (AuditLog audit = new AuditLog(disk, REFUSE)) {
      assertTrue(succeeds(audit.before(() -> start("mysql", "-ps3cret\n"))));
      assertTrue(succeeds(audit.before(() -> start("mysql", "-p", "s3cret\n"))));
    }
    JsonObject first = new JsonObject(disk.lines().getFirst());
    assertFalse(disk.lines().toString().contains("s3cret"));
    assertEquals("start", first.getString("event"));
    assertEquals("ci", first.getString("principal"));
    assertEquals("192.0.2.1", first.getString("source"));
    assertEquals("tcp", first.getString("via"));
    assertEquals("job-1", first.getString("job"));
    assertEquals("rule", first.getString("rule"));
    assertEquals(64, first.getString("argv_sha256").length());
    assertNotEquals(
        first.getString("argv_sha256"),
        new JsonObject(disk.lines().get(1)).getString("argv_sha256"));
    Disk other = new Disk();
    try (AuditLog audit = new AuditLog(other, GO_ON)) {
      assertTrue(succeeds(audit.before(() -> start("a", "b\nc"))));
    }
    assertEquals(1, other.lines().size());
    assertEquals(
        List.of("a", "b\nc"),
        new JsonObject(other.lines().getFirst()).getJsonArray("argv").getList());
  }

  @Test
  void valuesOfTheEnvironmentAreNeverWritten() throws Exception {
    CommandSpec command =
        new CommandSpec(
                List.of(Argument.of("env")),
                null,
                Map.of("A", "hidden-1"),
                CommandSpec.Stderr.SEPARATE,
                CommandSpec.Stdin.NULL)
            .withSecrets(new Secrets(Map.of("B", "hidden-2"), List.of("C")))
            .settled(Map.of("C", "hidden-3"));
    try (AuditLog audit = new AuditLog(disk, GO_ON)) {
      assertTrue(
          succeeds(
              audit.before(() -> AuditEntry.start(CALLER, JOB, AuditEntry.Terms.NONE, command))));
    }
    assertFalse(disk.lines().toString().contains("hidden"), disk.lines()::toString);
  }

  @Test
  void fullDiskRefusesStartsAndKeepsTheRestForLater() throws Exception {
    try (AuditLog audit = new AuditLog(disk, REFUSE)) {
      disk.fill(true);
      audit.note(AuditLogTest::denial);
      assertFalse(succeeds(audit.before(() -> start("id"))));
      disk.fill(false);
      assertTrue(succeeds(audit.before(() -> start("id"))));
    }
    assertEquals(
        List.of("denied", "start"),
        disk.lines().stream().map(line -> new JsonObject(line).getString("event")).toList());
  }

  @Test
  void whoeverSaysSoGoesOnWithoutAndHasItWrittenLater() throws Exception {
    try (AuditLog audit = new AuditLog(disk, GO_ON)) {
      disk.fill(true);
      assertTrue(succeeds(audit.before(() -> start("id"))));
      disk.fill(false);
      assertTrue(succeeds(audit.before(() -> start("id"))));
    }
    assertEquals(2, disk.lines().size());
  }

  @Test
  void hungDiskRefusesWhatIsBeyondTheBound() throws Exception {
    CountDownLatch held = disk.stop();
    try (AuditLog audit = new AuditLog(disk, REFUSE, 3, PATIENT, System::nanoTime)) {
      List<Future<Void>> waiting = new ArrayList<>();
      for (int i = 0; i < AuditLog.MAX_WAITING; i++) {
        waiting.add(audit.before(() -> start("id")));
      }
      long refused = waiting.stream().filter(Future::failed).count();
      assertTrue(refused > 0 && refused <= AuditLog.MAX_WAITING / 2, "refused: " + refused);
      held.countDown();
      assertTrue(succeeds(waiting.getFirst()));
    }
  }

  private static AuditEntry startOf(String principal) {
    return AuditEntry.start(
        new Caller(principal, "192.0.2.1", Caller.Via.TCP),
        JOB,
        AuditEntry.Terms.NONE,
        CommandSpec.of("id"));
  }

  @Test
  void slowDiskKeepsNoMoreOfOnePrincipalsStartsThanItsPart() throws Exception {
    CountDownLatch held = disk.stop();
    try (AuditLog audit = new AuditLog(disk, REFUSE, 3, SLOW_ALONE, System::nanoTime)) {
      List<Future<Void>> many = new ArrayList<>();
      for (int i = 0; i < 20; i++) {
        many.add(audit.before(() -> startOf("many")));
      }
      Future<Void> other = audit.before(() -> startOf("other"));
      Until.holds("those beyond", () -> many.stream().filter(Future::failed).count() == 17);
      assertFalse(other.isComplete());
      assertTrue(audit.before(() -> startOf("many")).failed());
      held.countDown();
      assertTrue(succeeds(other));
      for (Future<Void> kept : many.subList(0, 3)) {
        assertTrue(succeeds(kept));
      }
      for (int i = 0; i < 10; i++) {
        assertTrue(succeeds(audit.before(() -> startOf("many"))));
      }
    }
  }

  @Test
  void hungDiskIsWaitedForByNobodyAndWritesAllWhenItComesBack() throws Exception {
    for (Options options : List.of(REFUSE, GO_ON)) {
      CountDownLatch held = disk.stop();
      try (AuditLog audit = new AuditLog(disk, options)) {
        Future<Void> written = audit.before(() -> startOf("first"));
        Future<Void> behind = audit.before(() -> startOf("second"));
        boolean goesOn = options.equals(GO_ON);
        assertEquals(goesOn, succeeds(written));
        assertEquals(goesOn, succeeds(behind));
        Future<Void> late = audit.before(() -> startOf("third"));
        assertTrue(late.isComplete());
        assertEquals(goesOn, late.succeeded());
        held.countDown();
        Until.holds("an answer", () -> succeeds(audit.before(() -> startOf("fourth"))));
      }
    }
    assertTrue(linesOf("start").size() >= 6, disk.lines()::toString);
  }

  private static AuditEntry stranger(String source) {
    return AuditEntry.unauthenticated(source, Caller.Via.TLS, "token: not known");
  }

  private List<JsonObject> linesOf(String event) {
    return disk.lines().stream()
        .map(JsonObject::new)
        .filter(line -> event.equals(line.getString("event")))
        .toList();
  }

  @Test
  void floodOfStrangersHidesNeitherItsSizeNorOthers() throws Exception {
    AtomicLong now = new AtomicLong();
    try (AuditLog audit = new AuditLog(disk, REFUSE, 256, PATIENT, now::get)) {
      for (int i = 0; i < 100_000; i++) {
        audit.noteSome("192.0.2.7", () -> stranger("192.0.2.7"));
      }
      audit.noteSome("192.0.2.8", () -> stranger("192.0.2.8"));
      assertTrue(succeeds(audit.before(() -> start("id"))));
      assertEquals(AuditRateLimiter.PER_SOURCE + 1, linesOf("unauthenticated").size());
      assertEquals(List.of(), linesOf("left_out"));
      now.addAndGet(Duration.ofSeconds(61).toNanos());
      Until.holds("the count", () -> !linesOf("left_out").isEmpty());
      long expected = 100_000 - AuditRateLimiter.PER_SOURCE;
      assertEquals(expected, linesOf("left_out").getFirst().getLong("count"));
      audit.noteSome("192.0.2.7", () -> stranger("192.0.2.7"));
    }
    assertEquals(AuditRateLimiter.PER_SOURCE + 2, linesOf("unauthenticated").size());
    JsonObject line = linesOf("unauthenticated").getFirst();
    assertEquals(Set.of("at", "event", "source", "via", "why"), line.fieldNames(), line::encode);
    assertEquals("tls", line.getString("via"));
  }

  @Test
  void floodFromManySourcesIsBoundedAndCountedWhenTheAuditCloses() throws Exception {
    try (AuditLog audit = new AuditLog(disk, REFUSE)) {
      for (int i = 0; i < 5_000; i++) {
        String source = "2001:db8:0:" + Integer.toHexString(i) + "::/64";
        audit.noteSome(source, () -> stranger(source));
      }
    }
    assertEquals(AuditRateLimiter.IN_ALL, linesOf("unauthenticated").size());
    assertEquals(5_000 - AuditRateLimiter.IN_ALL, linesOf("left_out").getFirst().getLong("count"));
    assertEquals(AuditRateLimiter.IN_ALL + 1, disk.lines().size());
  }

  @Test
  void fileThatWasMovedAwayIsFollowedByANewOne(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("audit.jsonl");
    Files.writeString(folder.resolve("other"), "");
    try (AuditLog audit = new AuditLog(new AuditFile(file), REFUSE)) {
      assertTrue(succeeds(audit.before(() -> start("one"))));
      Files.move(file, folder.resolve("audit.1"));
      assertTrue(succeeds(audit.before(() -> start("two"))));
      Files.delete(file);
      assertTrue(succeeds(audit.before(() -> start("three"))));
    }
    assertEquals(1, Files.readAllLines(folder.resolve("audit.1")).size());
    assertEquals(1, Files.readAllLines(file).size());
    assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
  }

  @Test
  void fullFileSystemLeavesNoHalfLine() throws Exception {
    Path full = Path.of("/dev/full");
    try (AuditLog audit = new AuditLog(new AuditFile(full), REFUSE)) {
      assertFalse(succeeds(audit.before(() -> start("id"))));
    }
  }
}
