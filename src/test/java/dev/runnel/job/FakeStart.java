package dev.runnel.job;

import dev.runnel.model.CommandSpec;
import dev.runnel.model.StartFailure;
import dev.runnel.process.ProcessListener;
import java.util.function.BooleanSupplier;

/** A start that a spawner has taken up; the test decides what comes of it. */
final class FakeStart {
  private static final int FIRST_PID = 1_000;

  private final FakeEngine engine;
  private final CommandSpec command;
  private final BooleanSupplier claim;
  private final ProcessListener listener;

  FakeStart(
      FakeEngine engine, CommandSpec command, BooleanSupplier claim, ProcessListener listener) {
    this.engine = engine;
    this.command = command;
    this.claim = claim;
    this.listener = listener;
  }

  /** What a spawner asks just before it makes the process. */
  boolean isClaimed() {
    return claim.getAsBoolean();
  }

  /** The process is there; its listener hears of it when tasks run. */
  FakeProcess make() {
    FakeProcess process = new FakeProcess(engine, FIRST_PID, command, listener);
    engine.execute(process::begin);
    return process;
  }

  void fail(StartFailure failure) {
    engine.execute(() -> listener.startFailed(failure));
  }

  void refuse(String why) {
    engine.execute(() -> listener.startRefused(why));
  }

  void makeVoid() {
    engine.execute(listener::startVoided);
  }
}
