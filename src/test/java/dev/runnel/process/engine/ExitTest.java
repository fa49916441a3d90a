package dev.runnel.process.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.CommandSpec;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.Signal;
import dev.runnel.model.Stream;
import dev.runnel.process.proc.ProcView;
import dev.runnel.process.spawn.SpawnExecutor;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How processes end, and that it is told. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Tag("also-root")
@Tag("slow")
class ExitTest {
  private final NativeEngine engine = NativeEngine.open(NativeEngine.Ownership.OWN_PROCESS);

  @AfterAll
  void closeEngine() {
    engine.close();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 126, 127, 128, 143, 254, 255})
  void tellsTheExitCode(int code) {
    Recorder recorder = Runs.run(engine, Runs.shell("exit " + code));
    assertEquals(new ExitStatus.Exited(code), recorder.status());
  }

  @Test
  void tellsASignalFromTheCodeThatShellsMakeOfIt() {
    Recorder killed = Runs.run(engine, Runs.shell("kill -TERM $$"));
    assertEquals(new ExitStatus.Signaled(Signal.TERM.number()), killed.status());
    Recorder exited = Runs.run(engine, Runs.shell("exit 143"));
    assertEquals(new ExitStatus.Exited(143), exited.status());
  }

  @Test
  void readsWhatAProcessWroteBeforeItsEnd() {
    Recorder recorder = Runs.run(engine, Runs.shell("echo out; echo err >&2; exit 3"));
    assertEquals("out\n", recorder.text(Stream.STDOUT));
    assertEquals("err\n", recorder.text(Stream.STDERR));
    assertEquals(new ExitStatus.Exited(3), recorder.status());
    assertEquals("started", recorder.events().getFirst());
  }

  @Test
  void tellsTheEndOfAProcessThatIsDeadBeforeItIsLookedAt() {
    List<Recorder> recorders = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      recorders.add(Runs.start(engine, CommandSpec.of("/bin/true")));
    }
    for (Recorder recorder : recorders) {
      Runs.await("end", recorder::isOver);
      assertEquals(new ExitStatus.Exited(0), recorder.status());
      assertEquals(4, recorder.events().size(), () -> "" + recorder.events());
    }
  }

  @Test
  void runsAThousandOneAfterTheOther() {
    for (int i = 0; i < 1_000; i++) {
      assertEquals(
          new ExitStatus.Exited(0), Runs.run(engine, CommandSpec.of("/bin/true")).status());
    }
  }

  @Test
  void startsSixteenAtATime() {
    List<Recorder> recorders = new ArrayList<>();
    for (int i = 0; i < SpawnExecutor.MAX_THREADS; i++) {
      recorders.add(Runs.start(engine, CommandSpec.of("sleep", "1000")));
    }
    recorders.forEach(recorder -> Runs.await("start", () -> recorder.has("started")));
    recorders.forEach(recorder -> Runs.clear(engine, recorder, Duration.ZERO));
    for (Recorder recorder : recorders) {
      assertEquals(new ExitStatus.Signaled(Signal.KILL.number()), recorder.status());
    }
  }

  @Test
  void countsTheTimeOfDescendantsThatWereWaitedFor() {
    String spin = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
    Duration cpu = Runs.run(engine, Runs.shell("(" + spin + "); true")).cpu();
    assertNotNull(cpu);
    assertTrue(cpu.compareTo(Duration.ofMillis(10)) > 0, () -> "cpu: " + cpu);
    assertTrue(cpu.compareTo(Duration.ofSeconds(30)) < 0, () -> "cpu: " + cpu);
  }

  @Test
  void makesNothingWhenTheClaimIsGone() {
    Recorder recorder = new Recorder();
    engine.start(Runs.nextJob(), CommandSpec.of("/bin/true"), () -> false, recorder);
    Runs.await("outcome", recorder::isUnstarted);
    assertEquals(List.of("startVoided"), recorder.events());
  }

  @Test
  void leavesTheStatusOfItsChildrenToTheJdk() throws Exception {
    for (int i = 0; i < 20; i++) {
      Process foreign = new ProcessBuilder("/bin/sh", "-c", "exit " + i).start();
      Runs.run(engine, CommandSpec.of("/bin/true"));
      assertEquals(i, foreign.waitFor());
    }
  }

  @Test
  void watchesNoChildrenOfTheJdk() throws Exception {
    Process foreign = startOnAThreadThatEnds(new ProcessBuilder("sleep", "1000"));
    Runs.run(engine, CommandSpec.of("/bin/true"));
    assertNull(ProcView.descriptors().get("anon_inode:[pidfd]"));
    foreign.destroy();
    foreign.waitFor();
  }

  /** With its thread gone a child stands where adopted orphans stand. */
  private static Process startOnAThreadThatEnds(ProcessBuilder builder) throws Exception {
    CompletableFuture<Process> started = new CompletableFuture<>();
    Thread thread =
        Thread.ofPlatform()
            .start(
                () -> {
                  try {
                    started.complete(builder.start());
                  } catch (IOException e) {
                    started.completeExceptionally(e);
                  }
                });
    thread.join();
    return started.get();
  }
}
