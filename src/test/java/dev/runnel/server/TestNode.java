package dev.runnel.server;

import dev.runnel.eventbus.WorkerPool;
import dev.runnel.job.JobLimits;
import dev.runnel.job.JobRegistry;
import dev.runnel.job.LogMemory;
import dev.runnel.model.NodeIdentity;
import dev.runnel.process.ProcessEngine;
import dev.runnel.process.engine.NativeEngine;
import dev.runnel.security.AccessControl;
import dev.runnel.security.identity.UnauthenticatedLimiter;
import dev.runnel.service.EventBusAddresses;
import dev.runnel.service.JobRecorder;
import dev.runnel.service.JobService;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import java.io.IOException;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;

/** A node in the test's own JVM, on a free port, with real processes. */
public final class TestNode implements AutoCloseable {
  private static final long PATIENCE_SECONDS = 30;

  private final Vertx vertx =
      Vertx.vertx(new VertxOptions().setPreferNativeTransport(true).setWorkerPoolSize(2));
  // The test's JVM has children of its own, which are not Runnel's to reap.
  private final NativeEngine engine = NativeEngine.open(NativeEngine.Ownership.GUEST);
  private final LogMemory memory;
  private final AccessControl guard;
  private final JobRegistry registry;
  private final ServerContext room;
  private final int port;

  public TestNode() {
    this(ServerLimits.DEFAULT, JobLimits.DEFAULT, new LogMemory(256L << 20, 1_000));
  }

  public TestNode(ServerLimits limits, JobLimits jobs, LogMemory memory) {
    this(limits, jobs, memory, new Authentication.Open("anonymous"));
  }

  public TestNode(ServerLimits limits, JobLimits jobs, LogMemory memory, Authentication access) {
    this(limits, jobs, memory, access, engine -> engine);
  }

  /**
   * @param guard what its gate goes by
   */
  public TestNode(
      ServerLimits limits,
      JobLimits jobs,
      LogMemory memory,
      Authentication access,
      AccessControl guard) {
    this(limits, jobs, memory, access, engine -> engine, guard, JobRecorder.NONE);
  }

  /**
   * @param recorder keeps what its jobs print; stays its maker's
   */
  TestNode(AccessControl guard, JobRecorder recorder) {
    this(
        ServerLimits.DEFAULT,
        JobLimits.DEFAULT,
        new LogMemory(256L << 20, 1_000),
        new Authentication.Open("anonymous"),
        engine -> engine,
        guard,
        recorder);
  }

  /**
   * @param between stands between the node and its engine
   */
  public TestNode(
      ServerLimits limits,
      JobLimits jobs,
      LogMemory memory,
      Authentication access,
      UnaryOperator<ProcessEngine> between) {
    this(limits, jobs, memory, access, between, AccessControl.open(), JobRecorder.NONE);
  }

  TestNode(
      ServerLimits limits,
      JobLimits jobs,
      LogMemory memory,
      Authentication access,
      UnaryOperator<ProcessEngine> between,
      AccessControl guard,
      JobRecorder recorder) {
    this.memory = memory;
    this.guard = guard;
    NodeIdentity identity = new NodeIdentity("test", UUID.randomUUID().toString());
    registry = new JobRegistry(identity, between.apply(engine), memory, jobs);
    EventBusAddresses bus =
        new EventBusAddresses(vertx, EventBusAddresses.DEFAULT_ADDRESS, identity.boot());
    room = ServerContext.of(new JobService(registry, bus, guard, recorder), limits, "runnel test");
    await(WorkerPool.deploy(vertx, bus, room.gate()));
    port = listen(access);
  }

  /** Listens on one more port, which is returned. */
  public int listen(Authentication access) {
    ListenAddress picked = listen(new ListenAddress.Tcp("127.0.0.1", 0), access);
    return ((ListenAddress.Tcp) picked).port();
  }

  /** Listens on one more port, with strangers of its own. */
  int listen(Authentication access, UnauthenticatedLimiter strangers) {
    ServerContext other =
        new ServerContext(
            room.gate(),
            room.limits(),
            strangers,
            room.connections(),
            room.unsent(),
            room.frames(),
            room.sockets(),
            room.software());
    ListenAddress where = new ListenAddress.Tcp("127.0.0.1", 0);
    ListenAddress picked = await(FrameListener.open(vertx, other, where, access, 2)).listen();
    return ((ListenAddress.Tcp) picked).port();
  }

  /** Listens on one more address; the same, with the port that was picked, is returned. */
  public ListenAddress listen(ListenAddress listen, Authentication access) {
    return await(FrameListener.open(vertx, room, listen, access, 2)).listen();
  }

  public int port() {
    return port;
  }

  /** What its gate goes by. */
  AccessControl guard() {
    return guard;
  }

  public JobRegistry registry() {
    return registry;
  }

  ServerContext room() {
    return room;
  }

  LogMemory memory() {
    return memory;
  }

  RawClient connect() throws IOException {
    return new RawClient(port);
  }

  @Override
  public void close() {
    registry.close().orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS).join();
    await(vertx.close());
    engine.close();
  }

  private static <T> T await(Future<T> future) {
    return future
        .toCompletionStage()
        .toCompletableFuture()
        .orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS)
        .join();
  }
}
