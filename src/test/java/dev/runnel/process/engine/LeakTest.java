package dev.runnel.process.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.CommandSpec;
import dev.runnel.model.Stream;
import dev.runnel.process.OsProcess;
import dev.runnel.process.proc.ProcView;
import dev.runnel.process.spawn.SpawnExecutor;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Nothing is left behind: no descriptor, no thread, no child. */
@Tag("also-root")
@Tag("slow")
class LeakTest {
  private static final int WARM_UP = 20;
  private static final int ROUNDS = 200;

  private final List<Integer> before = ProcView.children();
  private final long threadsBefore = ProcView.ownThreads();

  @Test
  void whateverBecomesOfACommand() {
    try (NativeEngine engine = NativeEngine.open(NativeEngine.Ownership.OWN_PROCESS)) {
      rounds(engine, WARM_UP);
      ProcView.awaitNoChildrenBut(before);
      Map<String, Integer> descriptors = ProcView.descriptors();
      rounds(engine, ROUNDS);
      ProcView.awaitNoChildrenBut(before);
      Runs.await("descriptors " + descriptors, () -> ProcView.descriptors().equals(descriptors));
      // The pump, the sweeper, and spawners as needed.
      assertTrue(ProcView.ownThreads() - threadsBefore <= 2 + SpawnExecutor.MAX_THREADS);
    }
  }

  private static void rounds(NativeEngine engine, int count) {
    for (int i = 0; i < count; i++) {
      Runs.run(engine, CommandSpec.of("/bin/true"));
      Runs.run(engine, CommandSpec.of("/no/such"));
      Runs.run(engine, Runs.in("/no/such", "/bin/true"));
      endInMidOutput(engine);
      breakInput(engine);
      Recorder leaving = Runs.run(engine, Runs.shell("sleep 1000 <&- >&- 2>&- &"));
      Runs.clear(engine, leaving, Duration.ZERO);
    }
  }

  private static void endInMidOutput(NativeEngine engine) {
    Recorder recorder = new Recorder();
    recorder.setRoom(1_000);
    Runs.start(engine, CommandSpec.of("yes"), recorder);
    Runs.await("output", () -> recorder.count(Stream.STDOUT) == 1_000);
    Runs.clear(engine, recorder, Duration.ZERO);
    Runs.onPump(engine, recorder, OsProcess::endOutput);
  }

  private static void breakInput(NativeEngine engine) {
    Recorder recorder = new Recorder();
    recorder.offer(new byte[100_000]);
    Runs.start(engine, Runs.shellWithInput("head -c 10 >/dev/null"), recorder);
    Runs.await("start", () -> recorder.has("started"));
    Runs.onPump(engine, recorder, OsProcess::feed);
    Runs.await("end", recorder::isOver);
  }

  @Test
  void whenAnEngineIsClosed() {
    openUseAndClose();
    Map<String, Integer> descriptors = ProcView.descriptors();
    for (int i = 0; i < WARM_UP; i++) {
      openUseAndClose();
    }
    assertEquals(descriptors, ProcView.descriptors());
    // Awaited: nobody can wait for the last steps of a thread. Fewer: some other test's are gone.
    Runs.await("no more threads", () -> ProcView.ownThreads() <= threadsBefore);
    ProcView.awaitNoChildrenBut(before);
  }

  private static void openUseAndClose() {
    try (NativeEngine engine = NativeEngine.open(NativeEngine.Ownership.OWN_PROCESS)) {
      engine.guard();
      Runs.run(engine, CommandSpec.of("/bin/true"));
      Runs.startAndAwait(engine, Runs.shellWithInput("sleep 1000"));
      Recorder leaving = Runs.run(engine, Runs.shell("sleep 1000 <&- >&- 2>&- &"));
      Runs.survivors(engine, leaving);
    }
  }
}
