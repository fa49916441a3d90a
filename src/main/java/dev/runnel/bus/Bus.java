package dev.runnel.bus;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.Message;
import io.vertx.core.eventbus.MessageConsumer;
import java.time.Duration;
import java.util.function.Consumer;

/**
 * One node's part of the event bus. Several nodes may share a Vertx: every address has the boot of
 * its node in it. Any thread.
 */
public final class Bus {
  /** Longer than a worker ever takes to hand a start on, unless all are stuck. */
  private static final Duration ANSWER = Duration.ofSeconds(30);

  private final Vertx vertx;
  private final String startAddress;
  private final DeliveryOptions toWorkers;

  /** A bus for the node of this life. */
  public Bus(Vertx vertx, String boot) {
    this.vertx = vertx;
    this.startAddress = "runnel." + boot + ".start";
    LocalCodec<StartJob> codec = new LocalCodec<>("runnel." + boot + ".start");
    this.toWorkers =
        new DeliveryOptions()
            .setCodecName(codec.name())
            .setLocalOnly(true)
            .setSendTimeout(ANSWER.toMillis());
    vertx.eventBus().registerCodec(codec);
  }

  /** Takes the codecs off the bus again. */
  public void close() {
    vertx.eventBus().unregisterCodec(toWorkers.getCodecName());
  }

  /** Has a worker start a job; done when it was handed on, failed if no worker takes it. */
  public Future<Void> start(StartJob start) {
    return vertx.eventBus().<Void>request(startAddress, start, toWorkers).mapEmpty();
  }

  /** Takes starts; each is answered as soon as the handler returns. On the caller's context. */
  public MessageConsumer<StartJob> onStart(Consumer<StartJob> handler) {
    return vertx
        .eventBus()
        .localConsumer(
            startAddress,
            (Message<StartJob> message) -> {
              handler.accept(message.body());
              message.reply(null);
            });
  }
}
