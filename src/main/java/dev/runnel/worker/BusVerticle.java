package dev.runnel.worker;

import dev.runnel.bus.Bus;
import dev.runnel.bus.Gate;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import org.jspecify.annotations.Nullable;

/**
 * Serves consumers on the event bus. A node has one, so that all it is asked about a job comes to
 * where the job is followed. On a worker thread.
 */
final class BusVerticle extends VerticleBase {
  private final Bus bus;
  private final Gate gate;
  private final BusPace pace;
  private @Nullable BusDesk desk;

  BusVerticle(Bus bus, Gate gate, BusPace pace) {
    this.bus = bus;
    this.gate = gate;
    this.pace = pace;
  }

  /** Done when the bus knows it, so that no request finds nobody. */
  @Override
  public Future<?> start() {
    BusDesk opened = new BusDesk(context, bus, gate, pace);
    desk = opened;
    return opened.open();
  }

  /**
   * Goes with its node: whichever of that node's verticles is stopped first, consumers hear how
   * their jobs ended.
   */
  @Override
  public Future<?> stop() {
    BusDesk opened = desk;
    return opened == null
        ? Future.succeededFuture()
        : Future.fromCompletionStage(gate.close(), context).eventually(opened::drain);
  }
}
