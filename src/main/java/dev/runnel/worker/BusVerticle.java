package dev.runnel.worker;

import dev.runnel.bus.Bus;
import dev.runnel.job.Registry;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import org.jspecify.annotations.Nullable;

/**
 * Serves consumers on the event bus. A node has one, so that all it is asked about a job comes to
 * where the job is followed. On a worker thread.
 */
final class BusVerticle extends VerticleBase {
  private final Bus bus;
  private final Registry registry;
  private @Nullable BusDesk desk;

  BusVerticle(Bus bus, Registry registry) {
    this.bus = bus;
    this.registry = registry;
  }

  /** Done when the bus knows it, so that no request finds nobody. */
  @Override
  public Future<?> start() {
    BusDesk opened = new BusDesk(context, bus, registry);
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
        : Future.fromCompletionStage(registry.close(), context).eventually(opened::drain);
  }
}
