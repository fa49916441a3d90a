package dev.runnel.server;

import dev.runnel.bus.Bus;
import dev.runnel.bus.Gate;
import dev.runnel.bus.Recorder;
import dev.runnel.job.JobLimits;
import dev.runnel.job.LogMemory;
import dev.runnel.job.Registry;
import dev.runnel.model.NodeIdentity;
import dev.runnel.process.NativeEngine;
import dev.runnel.process.ProcessEngine;
import dev.runnel.security.Guard;
import dev.runnel.security.Strangers;
import dev.runnel.worker.Workers;
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
  private final Guard guard;
  private final Registry registry;
  private final ServerRoom room;
  private final int port;

  public TestNode() {
    this(ServerLimits.DEFAULT, JobLimits.DEFAULT, new LogMemory(256L << 20, 1_000));
  }

  public TestNode(ServerLimits limits, JobLimits jobs, LogMemory memory) {
    this(limits, jobs, memory, new Access.Open("anonymous"));
  }

  public TestNode(ServerLimits limits, JobLimits jobs, LogMemory memory, Access access) {
    this(limits, jobs, memory, access, engine -> engine);
  }

  /**
   * @param guard what its gate goes by
   */
  public TestNode(
      ServerLimits limits, JobLimits jobs, LogMemory memory, Access access, Guard guard) {
    this(limits, jobs, memory, access, engine -> engine, guard, Recorder.NONE);
  }

  /**
   * @param recorder keeps what its jobs print; stays its maker's
   */
  TestNode(Guard guard, Recorder recorder) {
    this(
        ServerLimits.DEFAULT,
        JobLimits.DEFAULT,
        new LogMemory(256L << 20, 1_000),
        new Access.Open("anonymous"),
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
      Access access,
      UnaryOperator<ProcessEngine> between) {
    this(limits, jobs, memory, access, between, Guard.open(), Recorder.NONE);
  }

  TestNode(
      ServerLimits limits,
      JobLimits jobs,
      LogMemory memory,
      Access access,
      UnaryOperator<ProcessEngine> between,
      Guard guard,
      Recorder recorder) {
    this.memory = memory;
    this.guard = guard;
    NodeIdentity identity = new NodeIdentity("test", UUID.randomUUID().toString());
    registry = new Registry(identity, between.apply(engine), memory, jobs);
    Bus bus = new Bus(vertx, Bus.DEFAULT_ADDRESS, identity.boot());
    room = ServerRoom.of(new Gate(registry, bus, guard, recorder), limits, "runnel test");
    await(Workers.deploy(vertx, bus, room.gate()));
    port = listen(access);
  }

  /** Listens on one more port, which is returned. */
  public int listen(Access access) {
    Listen picked = listen(new Listen.Tcp("127.0.0.1", 0), access);
    return ((Listen.Tcp) picked).port();
  }

  /** Listens on one more port, with strangers of its own. */
  int listen(Access access, Strangers strangers) {
    ServerRoom other =
        new ServerRoom(
            room.gate(),
            room.limits(),
            strangers,
            room.connections(),
            room.unsent(),
            room.frames(),
            room.sockets(),
            room.software());
    Listen where = new Listen.Tcp("127.0.0.1", 0);
    Listen picked = await(FrameListener.open(vertx, other, where, access, 2)).listen();
    return ((Listen.Tcp) picked).port();
  }

  /** Listens on one more address; the same, with the port that was picked, is returned. */
  public Listen listen(Listen listen, Access access) {
    return await(FrameListener.open(vertx, room, listen, access, 2)).listen();
  }

  public int port() {
    return port;
  }

  /** What its gate goes by. */
  Guard guard() {
    return guard;
  }

  public Registry registry() {
    return registry;
  }

  ServerRoom room() {
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
