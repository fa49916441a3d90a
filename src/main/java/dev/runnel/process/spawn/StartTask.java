package dev.runnel.process.spawn;

import dev.runnel.model.StartFailure;
import dev.runnel.model.StartFailure.At;
import dev.runnel.process.loop.ProcessLoop;
import dev.runnel.process.sys.EngineLog;
import dev.runnel.process.sys.WaitId;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.BiConsumer;

/** Makes processes on the calling thread, and undoes those that nobody waits for any more. */
public final class StartTask {
  private final ProcessFactory spawn;
  private final ProcessLoop pump;
  private final StartTags births;
  private final BiConsumer<StartRequest, SpawnResult> outcome;

  /**
   * @param outcome told on the pump what became of a start, unless that took too long
   */
  public StartTask(
      ProcessFactory spawn,
      ProcessLoop pump,
      StartTags births,
      BiConsumer<StartRequest, SpawnResult> outcome) {
    this.spawn = spawn;
    this.pump = pump;
    this.births = births;
    this.outcome = outcome;
  }

  /** Blocks for as long as the system likes. */
  void make(StartRequest start) {
    SpawnResult result = start.listener().isWanted() ? run(start) : new SpawnResult.Voided();
    if (!start.decide() || !tell(start, result)) {
      discard(result);
    }
  }

  private SpawnResult run(StartRequest start) {
    try {
      return spawn.run(start.job(), start.command(), start.claim());
    } catch (Throwable thrown) {
      EngineLog.report("start failed job=" + start.job(), thrown);
      return new SpawnResult.Failed(
          new StartFailure("EINVAL", At.EXEC, "internal error: " + thrown));
    }
  }

  private boolean tell(StartRequest start, SpawnResult result) {
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
        WaitId.awaitAndReap(made.pid());
        births.abandon(made.birth());
      }
      case SpawnResult.Lost lost -> WaitId.awaitAndReap(lost.pid());
      case SpawnResult.Failed _, SpawnResult.Voided _ -> {}
    }
  }
}
