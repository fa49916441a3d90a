package dev.runnel.eventbus;

import dev.runnel.job.JobLimits;
import dev.runnel.job.JobRegistry;
import dev.runnel.job.LogMemory;
import dev.runnel.model.NodeIdentity;
import dev.runnel.process.engine.NativeEngine;
import dev.runnel.security.AccessControl;
import dev.runnel.service.EventBusAddresses;
import dev.runnel.service.JobRecorder;
import dev.runnel.service.JobService;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/** A node that only the event bus reaches, with real processes. */
public final class BusNode implements AutoCloseable {
  private static final long PATIENCE_SECONDS = 30;

  private final Vertx vertx = Vertx.vertx();
  // The test's JVM has children of its own, which are not Runnel's to reap.
  private final NativeEngine engine = NativeEngine.open(NativeEngine.Ownership.GUEST);
  private final AccessControl guard = AccessControl.open();
  private final JobRegistry registry;

  public BusNode() {
    this(EventBusTimeouts.DEFAULT);
  }

  BusNode(EventBusTimeouts pace) {
    NodeIdentity node = new NodeIdentity("test", UUID.randomUUID().toString());
    registry = new JobRegistry(node, engine, new LogMemory(64L << 20, 100), JobLimits.DEFAULT);
    EventBusAddresses bus =
        new EventBusAddresses(vertx, EventBusAddresses.DEFAULT_ADDRESS, node.boot());
    JobService gate = new JobService(registry, bus, guard, JobRecorder.NONE);
    await(WorkerPool.deploy(vertx, bus, gate, pace));
  }

  public Vertx vertx() {
    return vertx;
  }

  /** What its gate goes by. */
  public AccessControl guard() {
    return guard;
  }

  public JobRegistry registry() {
    return registry;
  }

  @Override
  public void close() {
    registry.close().orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS).join();
    await(vertx.close());
    engine.close();
  }

  private static void await(Future<?> future) {
    var _ =
        future
            .toCompletionStage()
            .toCompletableFuture()
            .orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS)
            .join();
  }
}
