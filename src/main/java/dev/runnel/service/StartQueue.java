package dev.runnel.service;

import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Starts that were sent to workers, in order, until they are taken or it is too late for that. They
 * are looked at together and now and then: a reply to each, or a timer for each, would cost more
 * than the sending. As many as there are jobs that have not started. Any thread.
 */
final class StartQueue {
  private static final int LOOKS_PER_LIMIT = 8;

  private final Vertx vertx;
  private final Duration limit;
  private final Duration interval;
  private final Queue<Sent> sent = new ConcurrentLinkedQueue<>();
  private final AtomicLong nextLook = new AtomicLong(System.nanoTime());

  private record Sent(QueuedStart handover, long atNanos) {}

  StartQueue(Vertx vertx, Duration limit) {
    this.vertx = vertx;
    this.limit = limit;
    this.interval = limit.dividedBy(LOOKS_PER_LIMIT);
  }

  void add(QueuedStart handover) {
    dropTaken();
    long now = System.nanoTime();
    sent.add(new Sent(handover, now));
    long due = nextLook.get();
    // By its time: a timer may have gone with the verticle that set it.
    if (now - due >= 0 && nextLook.compareAndSet(due, now + interval.toNanos())) {
      setTimer();
    }
  }

  private @Nullable Sent dropTaken() {
    Sent first = sent.peek();
    while (first != null && first.handover.isOver()) {
      sent.remove(first);
      first = sent.peek();
    }
    return first;
  }

  private void setTimer() {
    vertx.setTimer(interval.toMillis(), _ -> look());
  }

  private void look() {
    long now = System.nanoTime();
    Sent first = dropTaken();
    while (first != null && now - first.atNanos >= limit.toNanos()) {
      String why = "not taken within " + limit.toSeconds() + " s";
      var _ = first.handover.taken().tryFail(new TimeoutException(why));
      first = dropTaken();
    }
    if (first != null) {
      nextLook.set(now + interval.toNanos());
      setTimer();
    }
  }
}
