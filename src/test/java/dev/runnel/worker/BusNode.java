package dev.runnel.worker;

import dev.runnel.bus.Bus;
import dev.runnel.bus.Gate;
import dev.runnel.bus.Recorder;
import dev.runnel.job.JobLimits;
import dev.runnel.job.LogMemory;
import dev.runnel.job.Registry;
import dev.runnel.model.NodeIdentity;
import dev.runnel.process.NativeEngine;
import dev.runnel.security.Guard;
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
  private final Guard guard = Guard.open();
  private final Registry registry;

  public BusNode() {
    this(BusPace.DEFAULT);
  }

  BusNode(BusPace pace) {
    NodeIdentity node = new NodeIdentity("test", UUID.randomUUID().toString());
    registry = new Registry(node, engine, new LogMemory(64L << 20, 100), JobLimits.DEFAULT);
    Bus bus = new Bus(vertx, Bus.DEFAULT_ADDRESS, node.boot());
    Gate gate = new Gate(registry, bus, guard, Recorder.NONE);
    await(Workers.deploy(vertx, bus, gate, pace));
  }

  public Vertx vertx() {
    return vertx;
  }

  /** What its gate goes by. */
  public Guard guard() {
    return guard;
  }

  public Registry registry() {
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
