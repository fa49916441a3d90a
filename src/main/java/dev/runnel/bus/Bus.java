package dev.runnel.bus;

import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.Message;
import io.vertx.core.eventbus.MessageConsumer;
import io.vertx.core.eventbus.MessageProducer;
import java.time.Duration;
import java.util.function.Consumer;

/**
 * One node's part of the event bus. Several nodes may share a Vertx: what is one node's alone has
 * its boot in the address. Any thread.
 */
public final class Bus {
  /** Where whoever wants a command run asks, unless another address was chosen. */
  public static final String DEFAULT_ADDRESS = "runnel";

  /** Longer than a worker ever takes to hand a start on, unless all are stuck. */
  private static final Duration TAKEN = Duration.ofSeconds(30);

  private final Vertx vertx;
  private final String address;
  private final String nodeAddress;
  private final String startAddress;
  private final MessageProducer<Handover> toWorkers;
  private final Handovers handovers;

  /** A bus for the node of this life, which takes requests at this address. */
  public Bus(Vertx vertx, String address, String boot) {
    this.vertx = vertx;
    this.address = address;
    this.nodeAddress = nodeAddress(address, boot);
    this.startAddress = nodeAddress + ".start";
    vertx.eventBus().registerCodec(new LocalCodec<Handover>(startAddress));
    DeliveryOptions options = new DeliveryOptions().setCodecName(startAddress).setLocalOnly(true);
    this.toWorkers = vertx.eventBus().sender(startAddress, options);
    this.handovers = new Handovers(vertx, TAKEN);
  }

  /** The address of one node among those that take requests at an address. */
  public static String nodeAddress(String address, String boot) {
    return address + "." + boot;
  }

  /** Takes the codecs off the bus again. */
  public void close() {
    vertx.eventBus().unregisterCodec(startAddress);
  }

  /**
   * Has a worker start a job; done when it was handed on, failed if no worker takes it. Any thread,
   * and who listens is told on any.
   */
  public Future<Void> start(StartJob start) {
    Handover handover = new Handover(start, Promise.promise());
    handovers.add(handover);
    toWorkers.write(handover).onFailure(handover.taken()::tryFail);
    return handover.taken().future();
  }

  /** Takes starts; each is handed on when the handler returns. On the caller's context. */
  public MessageConsumer<?> onStart(Consumer<StartJob> handler) {
    return vertx
        .eventBus()
        .localConsumer(
            startAddress,
            (Message<Handover> message) -> {
              handler.accept(message.body().start());
              message.body().taken().tryComplete();
            });
  }

  /** Takes what consumers ask, at the common address. On the caller's context. */
  public MessageConsumer<Object> onRequest(Handler<Message<Object>> handler) {
    return vertx.eventBus().consumer(address, handler);
  }

  /** Takes what consumers ask of this very node. On the caller's context. */
  public MessageConsumer<Object> onNodeRequest(Handler<Message<Object>> handler) {
    return vertx.eventBus().consumer(nodeAddress, handler);
  }
}
