package dev.runnel.server;

import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.function.Consumer;

/**
 * How long a peer may take over a frame. One timer at most, looked at again when it fires: setting
 * one for every frame would cost more than reading it. On the connection's event loop.
 */
final class FrameTimeout {
  private static final long NONE = -1;

  private final Vertx vertx;
  private final ServerLimits limits;
  private final Consumer<String> onTooSlow;
  private long timer = NONE;
  private long since;
  private boolean first = true;
  private boolean waiting;

  FrameTimeout(Vertx vertx, ServerLimits limits, Consumer<String> onTooSlow) {
    this.vertx = vertx;
    this.limits = limits;
    this.onTooSlow = onTooSlow;
  }

  void awaitFirst() {
    await();
  }

  /** A frame is whole. */
  void sawFrame() {
    if (first) {
      first = false;
      // It may be set for later than the next frame's time is up.
      stop();
    }
    waiting = false;
  }

  /** Nothing is read until {@link #sawBytes}. */
  void rest() {
    waiting = false;
  }

  /** Bytes came, after which a frame may be under way. */
  void sawBytes(boolean midFrame) {
    if (midFrame && !waiting) {
      await();
    }
  }

  /** Runs the task after the time in which a peer may still read. */
  void linger(Duration time, Runnable task) {
    first = false;
    stop();
    timer = vertx.setTimer(time.toMillis(), _ -> task.run());
  }

  void stop() {
    waiting = false;
    if (timer != NONE) {
      vertx.cancelTimer(timer);
      timer = NONE;
    }
  }

  private void await() {
    waiting = true;
    since = System.nanoTime();
    if (timer == NONE) {
      schedule(limit());
    }
  }

  private void schedule(Duration delay) {
    timer = vertx.setTimer(Math.max(1, delay.toMillis()), _ -> look());
  }

  private void look() {
    timer = NONE;
    if (!waiting) {
      return;
    }
    Duration left = limit().minusNanos(System.nanoTime() - since);
    if (left.isPositive()) {
      schedule(left.plusMillis(1));
      return;
    }
    String what = first ? "first frame" : "frame";
    onTooSlow.accept(what + ": not whole after " + limit().toMillis() + " ms");
  }

  private Duration limit() {
    return first ? limits.firstFrame() : limits.frame();
  }
}
