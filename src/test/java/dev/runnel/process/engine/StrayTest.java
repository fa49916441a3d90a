package dev.runnel.process.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.process.OsProcess.Survivors;
import dev.runnel.process.proc.ProcView;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What shed its session, its parents and its environment belongs to no job, but to the engine. */
@Tag("also-root")
class StrayTest {
  @Test
  void isEndedWhenTheEngineIsClosed(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("pid");
    // It is told to whom it belongs by nothing: its parent and the one who began its session ended.
    String line =
        "env -i PATH=$PATH setsid sh -c '(sleep 1000 <&- >&- 2>&- & echo $! >"
            + file
            + ")'; until [ -s "
            + file
            + " ]; do sleep 0.01; done";
    int pid;
    try (NativeEngine engine = NativeEngine.open(NativeEngine.Ownership.OWN_PROCESS)) {
      Recorder recorder = Runs.run(engine, Runs.shell(line));
      pid = Integer.parseInt(Files.readString(file).strip());
      assertEquals(Survivors.NONE, Runs.clear(engine, recorder, Duration.ofHours(1)));
      assertTrue(ProcView.isAlive(pid));
      // It delays nobody's end.
      Recorder other = Runs.run(engine, Runs.shell("exit 3"));
      assertEquals(Survivors.NONE, Runs.clear(engine, other, Duration.ofHours(1)));
    }
    assertFalse(ProcView.isAlive(pid));
    assertEquals(' ', ProcView.state(pid), "it is reaped");
  }
}
