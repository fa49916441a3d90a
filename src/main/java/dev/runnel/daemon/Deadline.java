package dev.runnel.daemon;

import io.vertx.core.Future;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * By when all that ends with a daemon, or a node, is over, whatever hangs. One is handed from step
 * to step: a step that hangs takes from those after it, never from the whole. Any thread.
 */
final class Deadline {
  /**
   * From the moment at which jobs are ended: fifteen seconds of their grace, eight to kill them,
   * two to give up, and the rest for connections and disks.
   */
  static final Duration ENDING = Duration.ofSeconds(30);

  private final long endNanos;

  private Deadline(long endNanos) {
    this.endNanos = endNanos;
  }

  static Deadline in(Duration time) {
    return new Deadline(System.nanoTime() + time.toNanos());
  }

  Duration left() {
    return Duration.ofNanos(Math.max(0, endNanos - System.nanoTime()));
  }

  boolean isOver() {
    return left().isZero();
  }

  /**
   * What a step may take.
   *
   * @param most at most
   * @param kept for the steps after it
   */
  Duration left(Duration most, Duration kept) {
    Duration left = left().minus(kept);
    Duration some = left.isNegative() ? Duration.ZERO : left;
    return some.compareTo(most) < 0 ? some : most;
  }

  /** Done with the future, which has a context; failed if it takes longer than that. */
  Future<Void> cut(Future<?> future, Duration most, Duration kept) {
    long millis = Math.max(1, left(most, kept).toMillis());
    return future.<Void>mapEmpty().timeout(millis, TimeUnit.MILLISECONDS);
  }
}
