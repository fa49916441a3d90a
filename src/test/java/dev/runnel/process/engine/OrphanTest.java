package dev.runnel.process.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.CommandSpec;
import dev.runnel.model.Signal;
import dev.runnel.model.Stream;
import dev.runnel.process.OsProcess.Survivors;
import dev.runnel.process.proc.ProcView;
import dev.runnel.process.sys.Pid;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Descendants that lose their parents become ours, and are reaped. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Tag("also-root")
@Tag("slow")
class OrphanTest {
  private final NativeEngine engine = NativeEngine.open(NativeEngine.Ownership.OWN_PROCESS);

  /** What tests of a guest left to a parent that did not want it. */
  @BeforeAll
  void reapWhatOthersLeft() {
    Runs.run(engine, CommandSpec.of("/bin/true"));
    Runs.await("no zombies", () -> ProcView.zombies().isEmpty());
  }

  @AfterAll
  void closeEngine() {
    engine.close();
  }

  @Test
  void leaveNoZombies() {
    List<Recorder> recorders = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      // One that ends before the leader, one that ends with it and one that ends after it.
      String line = "(true &); (sleep 0.01 &); (sleep 0.0$((RANDOM % 9)) &); sleep 0.01";
      recorders.add(Runs.start(engine, CommandSpec.of("bash", "-c", line)));
    }
    for (Recorder recorder : recorders) {
      Runs.await("end", recorder::isOver);
      Runs.clear(engine, recorder, Duration.ofSeconds(30));
    }
    Runs.await("no zombies", () -> ProcView.zombies().isEmpty());
  }

  @Test
  void areReapedWhileTheLeaderLivesOn() {
    String line = "(true &); (true &); echo ready; exec sleep 1000";
    Recorder recorder = Runs.start(engine, Runs.shell(line));
    Runs.await("ready", () -> recorder.text(Stream.STDOUT).equals("ready\n"));
    Runs.await("no zombies", () -> ProcView.zombies().isEmpty());
    assertTrue(ProcView.isAlive(recorder.process().pid()));
    Runs.clear(engine, recorder, Duration.ZERO);
  }

  @Test
  void delayNobodyElsesEnd() {
    String staying = "sleep 1000 </dev/null >/dev/null 2>&1 & ";
    String leaving = "setsid sleep 1001 </dev/null >/dev/null 2>&1 & ";
    String gone = "until [ $(cut -d' ' -f6 /proc/$!/stat) = $! ]; do sleep 0.01; done";
    Recorder keeper = Runs.run(engine, Runs.shell(staying + leaving + gone));
    for (int i = 0; i < 20; i++) {
      Recorder recorder = Runs.run(engine, CommandSpec.of("/bin/true"));
      // Known at the exit, without a look at every process there is.
      Runs.onPump(
          engine,
          recorder,
          process -> {
            List<Survivors> answers = new ArrayList<>();
            process.survivors(answers::add);
            assertEquals(List.of(Survivors.NONE), answers);
          });
    }
    assertEquals(2, Runs.clear(engine, keeper, Duration.ofSeconds(30)).total());
  }

  @Test
  void coverForTheirChildrenAlthoughTheyLeftTheSessionThemselves(@TempDir Path folder) {
    List<Integer> before = ProcView.children();
    Path gone = folder.resolve("gone");
    String escape = "sleep 1000 & exec setsid sh -c \"touch '" + gone + "'; exec sleep 1001\"";
    String line =
        "bash -c '"
            + escape.replace("'", "'\\''")
            + "' </dev/null >/dev/null 2>&1 & "
            + "until [ -e '"
            + gone
            + "' ]; do sleep 0.01; done";
    Recorder recorder = Runs.run(engine, Runs.shell(line));
    Runs.await(
        "the one that stayed",
        () ->
            Runs.survivors(engine, recorder).listed().stream()
                .anyMatch(left -> left.command().equals("sleep 1000")));
    Runs.clear(engine, recorder, Duration.ofSeconds(30));
    for (int pid : ProcView.children()) {
      if (ProcView.text(pid, "cmdline").contains("1001")) {
        Pid.killGroup(Pid.group(pid), Signal.KILL.number());
      }
    }
    ProcView.awaitNoChildrenBut(before);
  }
}
