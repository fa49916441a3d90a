package dev.runnel.http;

import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.healthchecks.CheckResult;
import io.vertx.ext.healthchecks.HealthChecks;
import io.vertx.ext.healthchecks.Status;
import java.time.Duration;
import java.util.List;

/**
 * A set of checks, each with its time. Whoever asks while they run, or just after, gets the same
 * answer: questions cost nothing, however many there are. On the listener's event loop.
 */
final class Health {
  /** Within the second that a probe waits by default. */
  private static final Duration LIMIT = Duration.ofMillis(800);

  private static final Duration FRESH = Duration.ofMillis(500);

  private final HealthChecks checks;
  private Future<CheckResult> last = Future.failedFuture("not asked yet");
  private long askedNanos = System.nanoTime() - FRESH.toNanos();

  Health(Vertx vertx, List<Check> all) {
    checks = HealthChecks.create(vertx);
    for (Check check : all) {
      checks.register(
          check.name(), LIMIT.toMillis(), (Promise<Status> promise) -> ask(check, promise));
    }
  }

  private static void ask(Check check, Promise<Status> promise) {
    check
        .ask()
        .get()
        .onSuccess(_ -> promise.tryComplete(Status.OK()))
        .onFailure(
            e ->
                promise.tryComplete(
                    Status.KO(new JsonObject().put("reason", String.valueOf(e.getMessage())))));
  }

  /** How they are. */
  Future<CheckResult> ask() {
    if (last.isComplete() && System.nanoTime() - askedNanos >= FRESH.toNanos()) {
      askedNanos = System.nanoTime();
      last = checks.checkStatus();
    }
    return last;
  }
}
