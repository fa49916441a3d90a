package dev.runnel.eventbus;

import dev.runnel.service.EventBusAddresses;
import dev.runnel.service.JobService;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import org.jspecify.annotations.Nullable;

/**
 * Serves consumers on the event bus. A node has one, so that all it is asked about a job comes to
 * where the job is followed. On a worker thread.
 */
final class EventBusVerticle extends VerticleBase {
  private final EventBusAddresses bus;
  private final JobService gate;
  private final EventBusTimeouts pace;
  private @Nullable EventBusHandler desk;

  EventBusVerticle(EventBusAddresses bus, JobService gate, EventBusTimeouts pace) {
    this.bus = bus;
    this.gate = gate;
    this.pace = pace;
  }

  /** Done when the bus knows it, so that no request finds nobody. */
  @Override
  public Future<?> start() {
    EventBusHandler opened = new EventBusHandler(context, bus, gate, pace);
    desk = opened;
    return opened.open();
  }

  /**
   * Goes with its node: whichever of that node's verticles is stopped first, consumers hear how
   * their jobs ended.
   */
  @Override
  public Future<?> stop() {
    EventBusHandler opened = desk;
    return opened == null
        ? Future.succeededFuture()
        : Future.fromCompletionStage(gate.close(), context).eventually(opened::drain);
  }
}
