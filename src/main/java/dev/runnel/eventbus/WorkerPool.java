package dev.runnel.eventbus;

import dev.runnel.eventbus.WorkerVerticle.Maker;
import dev.runnel.service.EventBusAddresses;
import dev.runnel.service.JobService;
import dev.runnel.threads.HangTolerantPool;
import io.vertx.core.CompositeFuture;
import io.vertx.core.DeploymentOptions;
import io.vertx.core.Future;
import io.vertx.core.ThreadingModel;
import io.vertx.core.Vertx;
import java.util.List;
import java.util.function.Supplier;

/** The worker verticles of a node. */
public final class WorkerPool {
  /**
   * Of either kind, so that one that is held up does not hold up every start. Each has its thread:
   * in a larger pool they would take turns, and find nothing in the caches.
   */
  private static final int INSTANCES = 2;

  /** Those that look at files, which may hang: not the starters' own. */
  private static final int FILES_THREADS = 4;

  private static final int FILES_ASIDE = 16;

  private static final String STARTERS_POOL = "runnel-starter";
  private static final String HANDERS_POOL = "runnel-hander";

  private WorkerPool() {}

  /** Fails if no worker answers within a second. */
  public static Future<?> ping(EventBusAddresses bus) {
    return bus.ping(2 * INSTANCES).recover(_ -> Future.failedFuture("no worker answers"));
  }

  /** Deploys them; done, with what is to be undeployed, when the bus knows them all. */
  public static Future<List<String>> deploy(Vertx vertx, EventBusAddresses bus, JobService gate) {
    return deploy(vertx, bus, gate, EventBusTimeouts.DEFAULT);
  }

  static Future<List<String>> deploy(
      Vertx vertx, EventBusAddresses bus, JobService gate, EventBusTimeouts pace) {
    HangTolerantPool files =
        new HangTolerantPool(
            "runnel-files",
            new HangTolerantPool.Terms(
                "starts", FILES_THREADS, FILES_ASIDE, WorkerVerticle.FILES_LIMIT),
            (delay, task) -> vertx.setTimer(Math.max(1, delay.toMillis()), _ -> task.run()));
    files.start(FILES_THREADS);
    return Future.all(
            deploy(vertx, () -> new WorkerVerticle(Maker.ITSELF, files, bus, gate), STARTERS_POOL),
            deploy(vertx, () -> new WorkerVerticle(Maker.SPAWNER, files, bus, gate), HANDERS_POOL),
            vertx.deployVerticle(new EventBusVerticle(bus, gate, pace), workers()))
        .map(CompositeFuture::list);
  }

  private static Future<String> deploy(Vertx vertx, Supplier<WorkerVerticle> workers, String pool) {
    return vertx.deployVerticle(
        workers,
        workers().setInstances(INSTANCES).setWorkerPoolName(pool).setWorkerPoolSize(INSTANCES));
  }

  private static DeploymentOptions workers() {
    return new DeploymentOptions().setThreadingModel(ThreadingModel.WORKER);
  }
}
