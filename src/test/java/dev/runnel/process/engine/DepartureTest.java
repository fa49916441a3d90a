package dev.runnel.process.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.runnel.model.ExitStatus;
import dev.runnel.model.Stream;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Processes that end by themselves just when one looks. */
@Tag("also-root")
@Tag("slow")
class DepartureTest {
  private static final int ROUNDS = 300;

  /** Asks who is left at the very moment when everything was read. */
  private static final class Asking extends Recorder {
    private int left = 2;
    private volatile int survivors = -1;

    private void closedOne() {
      if (--left == 0 && has("exited")) {
        process().survivors(found -> survivors = found.total());
      }
    }

    @Override
    public synchronized void outputClosed(Stream stream) {
      super.outputClosed(stream);
      closedOne();
    }

    @Override
    public synchronized void exited(ExitStatus status, @Nullable Duration cpu) {
      super.exited(status, cpu);
      if (left == 0) {
        process().survivors(found -> survivors = found.total());
      }
    }
  }

  @Test
  void whoIsOnItsWayOutIsNotLeftBehind() {
    try (NativeEngine engine = NativeEngine.open(NativeEngine.Ownership.GUEST)) {
      for (int i = 0; i < ROUNDS; i++) {
        Asking asking =
            Runs.start(engine, Runs.shell("(read x </dev/null; echo late) & :"), new Asking());
        Runs.await("answer", () -> asking.survivors >= 0);
        assertEquals(0, asking.survivors, "round " + i);
      }
    }
  }
}
