package dev.runnel.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.internal.ContextInternal;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

class DeadlineTest {
  private static final Duration LONG = Duration.ofHours(1);

  @Test
  void stepsGetWhatIsLeftButForWhatIsKept() {
    Deadline deadline = Deadline.in(LONG);
    assertEquals(Duration.ofSeconds(5), deadline.left(Duration.ofSeconds(5), Duration.ZERO));
    assertEquals(Duration.ZERO, deadline.left(Duration.ofSeconds(5), LONG));
    assertTrue(deadline.left(LONG, Duration.ofMinutes(30)).compareTo(Duration.ofMinutes(31)) < 0);
    assertFalse(deadline.isOver());
    assertTrue(Deadline.in(Duration.ZERO).isOver());
  }

  @Test
  void aStepThatHangsIsCutAndOneThatDoesNotIsNot() {
    Vertx vertx = Vertx.vertx();
    try {
      ContextInternal context = (ContextInternal) vertx.getOrCreateContext();
      Deadline deadline = Deadline.in(LONG);
      Promise<String> hangs = context.promise();
      assertTrue(hasFailed(deadline.cut(hangs.future(), Duration.ofMillis(20), Duration.ZERO)));
      Promise<String> returns = context.promise();
      Future<Void> done = deadline.cut(returns.future(), LONG, Duration.ZERO);
      returns.complete("done");
      assertFalse(hasFailed(done));
    } finally {
      vertx.close().toCompletionStage().toCompletableFuture().join();
    }
  }

  private static boolean hasFailed(Future<?> future) {
    CompletableFuture<Boolean> failed = new CompletableFuture<>();
    future.onComplete(result -> failed.complete(result.failed()));
    return failed.join();
  }
}
