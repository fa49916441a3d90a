package dev.runnel.process;

import dev.runnel.model.StartFailure;
import dev.runnel.model.StartFailure.At;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.BiConsumer;

/** Makes processes on the calling thread, and undoes those that nobody waits for any more. */
final class Maker {
  private final Spawn spawn;
  private final Pump pump;
  private final Births births;
  private final BiConsumer<Start, SpawnResult> outcome;

  /**
   * @param outcome told on the pump what became of a start, unless that took too long
   */
  Maker(Spawn spawn, Pump pump, Births births, BiConsumer<Start, SpawnResult> outcome) {
    this.spawn = spawn;
    this.pump = pump;
    this.births = births;
    this.outcome = outcome;
  }

  /** Blocks for as long as the system likes. */
  void make(Start start) {
    SpawnResult result = start.listener().isWanted() ? run(start) : new SpawnResult.Voided();
    if (!start.decide() || !tell(start, result)) {
      discard(result);
    }
  }

  private SpawnResult run(Start start) {
    try {
      return spawn.run(start.job(), start.command(), start.claim());
    } catch (Throwable thrown) {
      Trouble.report("start failed job=" + start.job(), thrown);
      return new SpawnResult.Failed(
          new StartFailure("EINVAL", At.EXEC, "internal error: " + thrown));
    }
  }

  private boolean tell(Start start, SpawnResult result) {
    try {
      pump.execute(() -> outcome.accept(start, result));
      return true;
    } catch (RejectedExecutionException closedMeanwhile) {
      return false;
    }
  }

  /** Nobody waits for it any more. */
  private void discard(SpawnResult result) {
    switch (result) {
      case SpawnResult.Made made -> {
        made.kill();
        Wait.awaitAndReap(made.pid());
        births.abandon(made.birth());
      }
      case SpawnResult.Lost lost -> Wait.awaitAndReap(lost.pid());
      case SpawnResult.Failed _, SpawnResult.Voided _ -> {}
    }
  }
}
