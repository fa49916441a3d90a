package dev.runnel.service;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Starts that no worker takes, because all are stuck. */
@NullUnmarked
class StartQueueTest {
  private static final StartCommand ANY = null;

  private final Vertx vertx = Vertx.vertx();
  private final StartQueue handovers = new StartQueue(vertx, Duration.ofMillis(80));

  @AfterEach
  void close() throws Exception {
    vertx.close().toCompletionStage().toCompletableFuture().get(30, SECONDS);
  }

  @Test
  void failsWhatIsNotTakenInTime() {
    Future<Void> first = add().taken().future();
    Future<Void> second = add().taken().future();
    assertInstanceOf(TimeoutException.class, failure(first));
    assertInstanceOf(TimeoutException.class, failure(second));
  }

  @Test
  void leavesAloneWhatWasTaken() {
    QueuedStart taken = add();
    assertTrue(taken.taken().tryComplete());
    failure(add().taken().future());
    assertTrue(taken.taken().future().succeeded());
  }

  @Test
  void looksOnAfterTheVerticleThatAskedIsGone() throws Exception {
    // Its timers go with it.
    String verticle =
        await(
            vertx.deployVerticle(
                _ -> {
                  add();
                  return Future.succeededFuture();
                }));
    await(vertx.undeploy(verticle));
    Future<Void> later = add().taken().future();
    while (!later.isComplete()) {
      Future<Void> another = add().taken().future();
      assertFalse(another.succeeded());
      Thread.onSpinWait();
    }
    assertTrue(later.failed());
  }

  private QueuedStart add() {
    QueuedStart handover = new QueuedStart(ANY, Promise.promise());
    handovers.add(handover);
    return handover;
  }

  private static Throwable failure(Future<?> future) {
    return assertThrows(ExecutionException.class, () -> await(future)).getCause();
  }

  private static <T> T await(Future<T> future) throws Exception {
    return future.toCompletionStage().toCompletableFuture().get(30, SECONDS);
  }
}
