package dev.runnel.process.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.CommandSpec;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.Stream;
import dev.runnel.process.OsProcess;
import dev.runnel.process.proc.ProcView;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A process whose owner fails is ended, and its owner is told, whatever is thrown and where. */
class LostProcessTest {
  private final List<Integer> before = ProcView.children();
  private final NativeEngine engine = NativeEngine.open(NativeEngine.Ownership.OWN_PROCESS);

  @AfterEach
  void closeEngine() {
    engine.close();
  }

  /** What of the owner fails. */
  enum Call {
    STARTED,
    RESERVE,
    COMMIT,
    OUTPUT_CLOSED,
    EXITED,
    LOST
  }

  private static final class Failing extends Recorder {
    private final Call call;
    private int failures;

    private Failing(Call call) {
      this.call = call;
    }

    private void fail(Call here) {
      // What it is told at last it takes in the end.
      if (call == here && failures < 2) {
        failures++;
        throw new StackOverflowError("thrown by a test");
      }
    }

    @Override
    public synchronized void started(OsProcess process) {
      super.started(process);
      fail(Call.STARTED);
    }

    @Override
    public synchronized @Nullable MemorySegment reserve(Stream stream) {
      fail(Call.RESERVE);
      // One that fails at nothing else has to be lost for some reason.
      if (call == Call.LOST) {
        throw new OutOfMemoryError("thrown by a test");
      }
      return super.reserve(stream);
    }

    @Override
    public synchronized void commit(Stream stream, int bytes) {
      fail(Call.COMMIT);
      super.commit(stream, bytes);
    }

    @Override
    public synchronized void outputClosed(Stream stream) {
      fail(Call.OUTPUT_CLOSED);
      super.outputClosed(stream);
    }

    @Override
    public synchronized void exited(ExitStatus status, @Nullable Duration cpu) {
      fail(Call.EXITED);
      super.exited(status, cpu);
    }

    @Override
    public synchronized void lost() {
      fail(Call.LOST);
      super.lost();
    }
  }

  @ParameterizedTest
  @EnumSource(Call.class)
  void isEndedAndTold(Call call) {
    String line = "sleep 1000 >&- 2>&- & echo out; exec >&- 2>&-";
    Failing owner = new Failing(call);
    Runs.start(engine, Runs.shell(call == Call.EXITED ? "exit 3" : line + "; wait"), owner);
    Runs.await("lost", () -> owner.has("lost"));
    assertFalse(owner.has("startFailed"));
    ProcView.awaitNoChildrenBut(before);
    assertEquals(1, owner.events().stream().filter("lost"::equals).count());
    assertTrue(Runs.run(engine, CommandSpec.of("/bin/true")).has("exited"));
  }
}
