package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A server that stood still for several beats: that is not the peer's silence. */
class HeartbeatStallTest {
  private static final Duration BEAT = Duration.ofMillis(50);
  private static final int STALLED_BEATS = 8;

  private final Vertx vertx = Vertx.vertx();
  private final CountDownLatch answers = new CountDownLatch(STALLED_BEATS);
  private final AtomicBoolean lost = new AtomicBoolean();

  @AfterEach
  void close() {
    vertx.close().toCompletionStage().toCompletableFuture().join();
  }

  @Test
  void peerThatAnswersInTimeIsNotLost() throws Exception {
    vertx.runOnContext(_ -> begin());
    assertTrue(answers.await(30, TimeUnit.SECONDS));
    assertFalse(lost.get());
  }

  private void begin() {
    PeerHeartbeat[] made = new PeerHeartbeat[1];
    made[0] = new PeerHeartbeat(vertx, () -> answerInAWhile(made[0]), this::lose);
    made[0].start(BEAT);
    long end = System.nanoTime() + BEAT.multipliedBy(STALLED_BEATS).toNanos();
    while (System.nanoTime() < end) {
      LockSupport.parkNanos(end - System.nanoTime());
    }
  }

  // As over a network: later than at once, and long before the next beat.
  private void answerInAWhile(PeerHeartbeat heartbeat) {
    vertx.setTimer(
        BEAT.toMillis() / 5,
        _ -> {
          heartbeat.heard();
          answers.countDown();
        });
  }

  private void lose() {
    lost.set(true);
    for (int i = 0; i < STALLED_BEATS; i++) {
      answers.countDown();
    }
  }
}
