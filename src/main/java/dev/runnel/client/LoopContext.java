package dev.runnel.client;

import io.vertx.core.Context;
import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.core.internal.ContextInternal;
import io.vertx.core.internal.VertxInternal;

/**
 * A context, and which event loop it is on. Of this room only this class knows Vert.x's innards,
 * which alone tell contexts of one loop from others, and make one that belongs to no verticle.
 */
final class LoopContext {
  private final ContextInternal context;

  private LoopContext(ContextInternal context) {
    this.context = context;
  }

  /** The caller's, or a new one. */
  static LoopContext current(Vertx vertx) {
    return new LoopContext(((VertxInternal) vertx).getOrCreateContext());
  }

  /** A new one on the same event loop, which outlives the caller's verticle. */
  LoopContext beside() {
    return new LoopContext(
        context.owner().contextBuilder().withEventLoop(context.nettyEventLoop()).build());
  }

  /** The event loop, to be compared. */
  Object loop() {
    return context.nettyEventLoop();
  }

  /** Runs it at once if we are on the context's thread; else there, in the order of the calls. */
  void emit(Handler<Void> task) {
    context.emit(task);
  }

  Context context() {
    return context;
  }

  Vertx owner() {
    return context.owner();
  }
}
