package dev.runnel.worker;

import dev.runnel.bus.Bus;
import dev.runnel.job.Registry;
import io.vertx.core.DeploymentOptions;
import io.vertx.core.Future;
import io.vertx.core.ThreadingModel;
import io.vertx.core.Vertx;

/** The worker verticles of a node. */
public final class Workers {
  /** So that one that is held up does not hold up every start. */
  private static final int STARTERS = 2;

  private Workers() {}

  /** Deploys them; done when the bus knows them all. */
  public static Future<Void> deploy(Vertx vertx, Bus bus, Registry registry) {
    return Future.all(
            vertx.deployVerticle(() -> new WorkerVerticle(bus), workers().setInstances(STARTERS)),
            vertx.deployVerticle(new BusVerticle(bus, registry), workers()))
        .mapEmpty();
  }

  private static DeploymentOptions workers() {
    return new DeploymentOptions().setThreadingModel(ThreadingModel.WORKER);
  }
}
