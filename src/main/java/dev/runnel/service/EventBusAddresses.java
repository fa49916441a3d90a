package dev.runnel.service;

import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.Message;
import io.vertx.core.eventbus.MessageConsumer;
import io.vertx.core.eventbus.MessageProducer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One node's part of the event bus. Several nodes may share a Vertx: what is one node's alone has
 * its boot in the address. Any thread.
 */
public final class EventBusAddresses {
  /** Where whoever wants a command run asks, unless another address was chosen. */
  public static final String DEFAULT_ADDRESS = "runnel";

  /** Longer than a worker ever takes to hand a start on, unless all are stuck. */
  private static final Duration TAKEN = Duration.ofSeconds(30);

  private static final DeliveryOptions PING =
      new DeliveryOptions().setLocalOnly(true).setSendTimeout(1_000);

  private final Vertx vertx;
  private final String address;
  private final String nodeAddress;
  private final String startAddress;
  private final String pingAddress;
  private final MessageProducer<QueuedStart> toWorkers;
  private final DeliveryOptions handing;
  private final List<WorkerSlot> places = new CopyOnWriteArrayList<>();
  private final StartQueue handovers;

  /** A bus for the node of this life, which takes requests at this address. */
  public EventBusAddresses(Vertx vertx, String address, String boot) {
    this.vertx = vertx;
    this.address = address;
    this.nodeAddress = nodeAddress(address, boot);
    this.startAddress = nodeAddress + ".start";
    this.pingAddress = nodeAddress + ".ping";
    vertx.eventBus().registerCodec(new LocalCodec<QueuedStart>(startAddress));
    this.handing = new DeliveryOptions().setCodecName(startAddress).setLocalOnly(true);
    this.toWorkers = vertx.eventBus().sender(startAddress, handing);
    this.handovers = new StartQueue(vertx, TAKEN);
  }

  /** The address of one node among those that take requests at an address. */
  public static String nodeAddress(String address, String boot) {
    return address + "." + boot;
  }

  /** Answers {@link #ping}. On the caller's context. */
  public MessageConsumer<?> onPing() {
    return vertx
        .eventBus()
        .localConsumer(pingAddress, (Message<Object> message) -> message.reply(null, PING));
  }

  /** Done when one of that many workers has answered. */
  public Future<?> ping(int workers) {
    List<Future<Message<Object>>> asked = new ArrayList<>();
    for (int i = 0; i < workers; i++) {
      asked.add(vertx.eventBus().request(pingAddress, null, PING));
    }
    return Future.any(asked);
  }

  /** Takes the codecs off the bus again. */
  public void close() {
    vertx.eventBus().unregisterCodec(startAddress);
  }

  /**
   * Has a worker start a job; done when it was handed on, failed if no worker takes it. Any thread,
   * and who listens is told on any.
   */
  public Future<Void> start(StartCommand start) {
    QueuedStart handover = new QueuedStart(start, Promise.promise());
    handovers.add(handover);
    WorkerSlot place = takePlace();
    if (place == null) {
      send(handover);
    } else {
      // It may have gone meanwhile.
      place.write(handover).onFailure(_ -> send(handover));
    }
    return handover.taken().future();
  }

  private @Nullable WorkerSlot takePlace() {
    for (WorkerSlot place : places) {
      if (place.take()) {
        return place;
      }
    }
    return null;
  }

  private void send(QueuedStart handover) {
    toWorkers.write(handover).onFailure(handover.taken()::tryFail);
  }

  /** Takes starts; each is handed on when the handler returns. On the caller's context. */
  public MessageConsumer<?> onStart(Consumer<StartCommand> handler) {
    return vertx
        .eventBus()
        .localConsumer(
            startAddress,
            (Message<QueuedStart> message) -> {
              handler.accept(message.body().start());
              message.body().taken().tryComplete();
            });
  }

  /**
   * Takes starts one by one, each only when the one before is done: no other waits for the handler,
   * which may block. On the caller's context.
   */
  public MessageConsumer<?> onLoneStart(Consumer<StartCommand> handler) {
    String address = startAddress + "." + UUID.randomUUID();
    WorkerSlot place = new WorkerSlot(vertx.eventBus().sender(address, handing));
    MessageConsumer<?> consumer =
        vertx
            .eventBus()
            .localConsumer(
                address,
                (Message<QueuedStart> message) -> {
                  message.body().taken().tryComplete();
                  try {
                    handler.accept(message.body().start());
                  } finally {
                    place.giveBack();
                  }
                });
    var _ = consumer.completion().onSuccess(_ -> places.add(place));
    return consumer;
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
