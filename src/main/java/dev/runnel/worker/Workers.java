package dev.runnel.worker;

import dev.runnel.bus.Bus;
import dev.runnel.bus.Gate;
import io.vertx.core.CompositeFuture;
import io.vertx.core.DeploymentOptions;
import io.vertx.core.Future;
import io.vertx.core.ThreadingModel;
import io.vertx.core.Vertx;
import java.util.List;

/** The worker verticles of a node. */
public final class Workers {
  /**
   * So that one that is held up does not hold up every start. Each has its thread: in a larger pool
   * they would take turns, and find nothing in the caches.
   */
  private static final int STARTERS = 2;

  private static final String STARTERS_POOL = "runnel-starter";

  private Workers() {}

  /** Deploys them; done, with what is to be undeployed, when the bus knows them all. */
  public static Future<List<String>> deploy(Vertx vertx, Bus bus, Gate gate) {
    return deploy(vertx, bus, gate, BusPace.DEFAULT);
  }

  static Future<List<String>> deploy(Vertx vertx, Bus bus, Gate gate, BusPace pace) {
    return Future.all(
            vertx.deployVerticle(() -> new WorkerVerticle(bus, gate), starters()),
            vertx.deployVerticle(new BusVerticle(bus, gate, pace), workers()))
        .map(CompositeFuture::list);
  }

  private static DeploymentOptions starters() {
    return workers()
        .setInstances(STARTERS)
        .setWorkerPoolName(STARTERS_POOL)
        .setWorkerPoolSize(STARTERS);
  }

  private static DeploymentOptions workers() {
    return new DeploymentOptions().setThreadingModel(ThreadingModel.WORKER);
  }
}
