package dev.runnel.metrics;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.vertx.core.DeploymentOptions;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

/** Notes once a second how late an event loop comes to what is due, and the process loop. */
public final class LagProbe extends VerticleBase {
  private static final Duration PERIOD = Duration.ofSeconds(1);

  private final Timer eventLoop;
  private final Timer processLoop;
  private final Executor processes;
  private long dueNanos;

  private LagProbe(MeterRegistry meters, Executor processes) {
    this.eventLoop = timer(meters, "event");
    this.processLoop = timer(meters, "process");
    this.processes = processes;
  }

  private static Timer timer(MeterRegistry meters, String loop) {
    return Timer.builder("runnel.loop.lag")
        .description("How late a loop comes to what is due")
        .tag("loop", loop)
        .serviceLevelObjectives(NodeMetrics.LATENCY)
        .register(meters);
  }

  /**
   * Deploys one for each event loop.
   *
   * @param processes runs a task on the process loop
   */
  public static Future<String> deploy(Vertx vertx, MeterRegistry meters, Executor processes) {
    return vertx.deployVerticle(
        () -> new LagProbe(meters, processes),
        new DeploymentOptions().setInstances(VertxOptions.DEFAULT_EVENT_LOOP_POOL_SIZE));
  }

  @Override
  public Future<?> start() {
    dueNanos = System.nanoTime() + PERIOD.toNanos();
    vertx.setPeriodic(PERIOD.toMillis(), _ -> note());
    return Future.succeededFuture();
  }

  private void note() {
    long now = System.nanoTime();
    eventLoop.record(Math.max(0, now - dueNanos), TimeUnit.NANOSECONDS);
    dueNanos = now + PERIOD.toNanos();
    processes.execute(() -> processLoop.record(System.nanoTime() - now, TimeUnit.NANOSECONDS));
  }
}
