package dev.runnel.service;

import io.vertx.core.Promise;

/**
 * A start on its way to a worker.
 *
 * @param taken completed by the worker that handed it on. Of no context: nobody is woken to hear
 *     that all is well.
 */
record QueuedStart(StartCommand start, Promise<Void> taken) {
  boolean isOver() {
    return taken.future().isComplete();
  }
}
