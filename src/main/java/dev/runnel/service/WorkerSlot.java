package dev.runnel.service;

import io.vertx.core.Future;
import io.vertx.core.eventbus.MessageProducer;
import java.util.concurrent.atomic.AtomicBoolean;

/** A worker that takes one start at a time, and whether it has one. Any thread. */
final class WorkerSlot {
  private final MessageProducer<QueuedStart> producer;
  private final AtomicBoolean taken = new AtomicBoolean();

  WorkerSlot(MessageProducer<QueuedStart> producer) {
    this.producer = producer;
  }

  /** True for who may send it a start. */
  boolean take() {
    return !taken.get() && taken.compareAndSet(false, true);
  }

  void giveBack() {
    taken.set(false);
  }

  /** Fails if the worker is there no more; then the place stays taken. */
  Future<Void> write(QueuedStart handover) {
    return producer.write(handover);
  }
}
