package dev.runnel.http;

import dev.runnel.threads.PrestartedPools;
import dev.runnel.threads.TaskHandOver;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Whether a disk can be written. One that hangs holds up its own thread and nothing else, and is
 * not asked again before it answers; an answer counts for some seconds, so that nobody has it
 * written for each question. On the listener's event loop.
 */
final class DiskCheck implements Supplier<Future<?>> {
  private static final Duration FRESH = Duration.ofSeconds(5);
  private static final Duration PATIENCE = Duration.ofMillis(900);

  private final Vertx vertx;
  private final Check.DiskProbe probe;
  private final ThreadPoolExecutor thread;
  private Future<Void> answer = Future.succeededFuture();
  private long askedNanos = System.nanoTime() - FRESH.toNanos();

  DiskCheck(Vertx vertx, String name, Check.DiskProbe probe) {
    this.vertx = vertx;
    this.probe = probe;
    this.thread = PrestartedPools.pool("runnel-check-" + name, 1);
  }

  @Override
  public Future<?> get() {
    long sinceNanos = System.nanoTime() - askedNanos;
    if (!answer.isComplete()) {
      return sinceNanos < PATIENCE.toNanos()
          ? answer
          : Future.failedFuture(
              "no answer from the disk for " + Duration.ofNanos(sinceNanos).toSeconds() + " s");
    }
    if (sinceNanos >= FRESH.toNanos()) {
      answer = ask();
    }
    return answer;
  }

  private Future<Void> ask() {
    askedNanos = System.nanoTime();
    Promise<Void> told = Promise.promise();
    Context loop = vertx.getOrCreateContext();
    TaskHandOver.to(thread, () -> tell(loop, told, reason()), e -> tell(loop, told, "" + e));
    return told.future();
  }

  private @Nullable String reason() {
    try {
      probe.write();
      return null;
    } catch (IOException e) {
      return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    }
  }

  private static void tell(Context loop, Promise<Void> told, @Nullable String reason) {
    loop.runOnContext(
        _ -> {
          if (reason == null) {
            told.tryComplete();
          } else {
            told.tryFail(reason);
          }
        });
  }
}
