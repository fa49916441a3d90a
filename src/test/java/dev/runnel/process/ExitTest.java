package dev.runnel.process;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.runnel.model.ExitStatus;
import dev.runnel.model.Signal;
import dev.runnel.model.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How processes end, and that it is told. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ExitTest {
  private final NativeEngine engine = NativeEngine.open(NativeEngine.Ownership.OWN_PROCESS);

  @AfterAll
  void closeEngine() {
    engine.close();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 126, 127, 128, 143, 254, 255})
  void tellsTheExitCode(int code) {
    assertEquals(
        new ExitStatus.Exited(code), Runs.run(engine, Runs.shell("exit " + code)).status());
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
}
