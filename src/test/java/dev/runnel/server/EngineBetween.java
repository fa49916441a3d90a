package dev.runnel.server;

import dev.runnel.process.ProcessEngine;
import java.time.Duration;

/** Stands before a process engine, and does with starts what a test likes. */
abstract class EngineBetween implements ProcessEngine {
  final ProcessEngine engine;

  EngineBetween(ProcessEngine engine) {
    this.engine = engine;
  }

  @Override
  public void execute(Runnable task) {
    engine.execute(task);
  }

  @Override
  public Timer schedule(Duration delay, Runnable task) {
    return engine.schedule(delay, task);
  }

  @Override
  public long nanoTime() {
    return engine.nanoTime();
  }

  @Override
  public void close() {
    engine.close();
  }
}
