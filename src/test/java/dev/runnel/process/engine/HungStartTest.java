package dev.runnel.process.engine;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.CommandSpec;
import dev.runnel.process.proc.ProcView;
import dev.runnel.process.spawn.SpawnExecutor;
import dev.runnel.process.sys.Fd;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Starts that hang. While somebody holds a write lease on a file, fcntl(2), its exec waits, as it
 * would on a file system that does not answer.
 */
@Tag("also-root")
class HungStartTest {
  private static final int F_SETSIG = 10;
  private static final int F_SETLEASE = 1024;
  private static final int F_WRLCK = 1;
  private static final int F_UNLCK = 2;
  private static final int SIGURG = 23; // Ignored by default, unlike SIGIO.

  private final List<Integer> before = ProcView.children();
  private final NativeEngine engine =
      NativeEngine.open(NativeEngine.Ownership.OWN_PROCESS, Duration.ofMillis(200));

  @TempDir
  @SuppressWarnings("NullAway.Init")
  Path folder;

  private CommandSpec slow = CommandSpec.of("unset");
  private int lease = -1;

  @BeforeEach
  void holdLease() throws IOException {
    Path program = folder.resolve("slow");
    Files.copy(Path.of("/bin/sleep"), program);
    assertTrue(program.toFile().setExecutable(true));
    slow = CommandSpec.of(program.toString(), "0");
    lease = Fd.open(program.toString().getBytes(UTF_8), Fd.O_RDONLY);
    assertEquals(0, Fd.fcntl(lease, F_SETSIG, SIGURG));
    // Refused as long as a child of some other start still holds a copy of a descriptor.
    Runs.await("lease", () -> Fd.fcntl(lease, F_SETLEASE, F_WRLCK) == 0);
  }

  @AfterEach
  void closeEngine() {
    releaseLease();
    engine.close();
  }

  private void releaseLease() {
    if (lease >= 0) {
      Fd.fcntl(lease, F_SETLEASE, F_UNLCK);
      Fd.close(lease);
      lease = -1;
    }
  }

  /** On a busy machine any start may take longer than these tests allow: then once more. */
  private void runsInTheEnd(CommandSpec command) {
    Runs.await("a run", () -> Runs.run(engine, command).has("exited"));
  }

  private Recorder startedInTheEnd(CommandSpec command) {
    Recorder recorder = Runs.start(engine, command);
    Runs.await("outcome", () -> recorder.has("started") || recorder.isUnstarted());
    return recorder.has("started") ? recorder : startedInTheEnd(command);
  }

  @Test
  void failAfterAWhileAndDelayNoOthers() {
    Recorder hung = Runs.start(engine, slow);
    runsInTheEnd(CommandSpec.of("/bin/true"));
    Runs.await("failure", hung::isUnstarted);
    assertEquals("ETIMEDOUT exec", hung.failureText());
  }

  @Test
  void holdUpTheThreadThatMakesItsOwnAndNobodyElse() throws InterruptedException {
    Recorder hung = new Recorder();
    Thread maker = startHere(hung);
    runsInTheEnd(CommandSpec.of("/bin/true"));
    Runs.await("failure", hung::isUnstarted);
    assertEquals("ETIMEDOUT exec", hung.failureText());
    assertTrue(maker.isAlive());
    releaseLease();
    maker.join();
    ProcView.awaitNoChildrenBut(before);
    assertEquals(List.of("startFailed"), hung.events());
  }

  private Thread startHere(Recorder recorder) {
    return Thread.ofPlatform()
        .daemon()
        .start(() -> engine.startHere(Runs.nextJob(), slow, () -> true, recorder));
  }

  @Test
  void onAThreadOfTheCallersDoNotKeepTheEngineFromClosing() throws InterruptedException {
    Recorder hung = new Recorder();
    Thread maker = startHere(hung);
    Runs.await("its turn", () -> maker.getState() == Thread.State.RUNNABLE);
    engine.close();
    Runs.await("failure", hung::isUnstarted);
    releaseLease();
    maker.join();
    ProcView.awaitNoChildrenBut(before);
  }

  @Test
  void areUndoneWhenTheySucceedTooLate() {
    Recorder hung = Runs.start(engine, slow);
    Runs.await("failure", hung::isUnstarted);
    releaseLease();
    ProcView.awaitNoChildrenBut(before);
    assertEquals(List.of("startFailed"), hung.events());
    runsInTheEnd(slow);
  }

  @Test
  void areRefusedOnceTooManyOfThatPlaceHangAndOthersAreNot() throws IOException {
    List<Recorder> hung = new ArrayList<>();
    for (int i = 0; i < 2 * SpawnExecutor.MAX_THREADS; i++) {
      hung.add(Runs.start(engine, slow));
    }
    runsInTheEnd(CommandSpec.of("/bin/true"));
    hung.forEach(recorder -> Runs.await("failure", recorder::isUnstarted));
    assertEquals(8, hung.stream().filter(HungStartTest::hasTimedOut).count());
    for (Recorder recorder : hung) {
      if (!hasTimedOut(recorder)) {
        assertEquals("8 starts at the same place hang already", recorder.refusal());
      }
    }
    assertEquals("8 starts at the same place hang already", Runs.run(engine, slow).refusal());
    runsInTheEnd(CommandSpec.of("/bin/true"));

    releaseLease();
    runsInTheEnd(slow);
    ProcView.awaitNoChildrenBut(before);
  }

  private static boolean hasTimedOut(Recorder recorder) {
    return recorder.refusal() == null;
  }

  @Test
  void ofOneAccountLeaveThreadsToOthers() throws IOException {
    for (int place = 0; place < 8; place++) {
      CommandSpec other =
          Runs.in(Files.createDirectory(folder.resolve("" + place)).toString(), slow());
      for (int i = 0; i < SpawnExecutor.MAX_THREADS; i++) {
        Runs.start(engine, other, new Someones("one"));
      }
    }
    Runs.await(
        "a refusal",
        () -> "24 starts hang already".equals(run(CommandSpec.of("/bin/true"), "one").refusal()));
    Runs.await("a run", () -> run(CommandSpec.of("/bin/true"), "another").has("exited"));

    releaseLease();
    Runs.await("a run", () -> run(CommandSpec.of("/bin/true"), "one").has("exited"));
    ProcView.awaitNoChildrenBut(before);
  }

  private String slow() {
    return slow.argv().getFirst().toString();
  }

  private Recorder run(CommandSpec command, String account) {
    Recorder recorder = Runs.start(engine, command, new Someones(account));
    Runs.await("end", recorder::isOver);
    return recorder;
  }

  private static final class Someones extends Recorder {
    private final String account;

    private Someones(String account) {
      this.account = account;
    }

    @Override
    public String account() {
      return account;
    }
  }

  @Test
  void doNotKeepTheEngineFromClosing() {
    Recorder hung = Runs.start(engine, slow);
    Recorder other = startedInTheEnd(CommandSpec.of("sleep", "1000"));
    engine.close();
    assertTrue(hung.isUnstarted());
    assertFalse(ProcView.isAlive(other.process().pid()));
    releaseLease();
    ProcView.awaitNoChildrenBut(before);
  }
}
