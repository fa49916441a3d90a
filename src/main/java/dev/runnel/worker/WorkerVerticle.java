package dev.runnel.worker;

import dev.runnel.bus.Bus;
import dev.runnel.bus.StartJob;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;

/**
 * Takes starts off the bus and hands them to the process room, whose spawners may block where a
 * worker must not. On a worker thread.
 */
public final class WorkerVerticle extends VerticleBase {
  private final Bus bus;

  public WorkerVerticle(Bus bus) {
    this.bus = bus;
  }

  /** Done when the bus knows it, so that no start finds nobody. */
  @Override
  public Future<?> start() {
    return bus.onStart(this::startJob).completion();
  }

  private void startJob(StartJob start) {
    start.job().start();
  }
}
