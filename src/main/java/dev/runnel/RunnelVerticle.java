package dev.runnel;

import dev.runnel.bus.Bus;
import dev.runnel.config.Settings;
import dev.runnel.config.Version;
import dev.runnel.job.Registry;
import dev.runnel.model.NodeIdentity;
import dev.runnel.process.NativeEngine;
import dev.runnel.security.Tokens;
import dev.runnel.server.Access;
import dev.runnel.server.FrameListener;
import dev.runnel.server.Listen;
import dev.runnel.server.ServerRoom;
import dev.runnel.worker.Workers;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Runnel inside an application: deploy it, and commands can be run over the event bus and, if it is
 * told to listen, over TCP. It takes no signals, reaps no children but its own commands, and brings
 * no logging back end along. Undeployed, it ends all jobs with their process trees.
 */
public final class RunnelVerticle extends VerticleBase {
  private final RunnelOptions options;
  private final List<Listen> listening = new ArrayList<>();
  private @Nullable NativeEngine engine;
  private @Nullable Registry registry;
  private @Nullable Bus bus;

  /** One that only the event bus reaches. */
  public RunnelVerticle() {
    this(new RunnelOptions());
  }

  public RunnelVerticle(RunnelOptions options) {
    this.options = options;
  }

  /** Where it listens, with the ports that were picked; once it is deployed. */
  public List<Listen> listening() {
    return List.copyOf(listening);
  }

  // Opening the engine starts a process, to see whether that can be done here.
  @Override
  public Future<?> start() {
    return vertx
        .executeBlocking(() -> NativeEngine.open(NativeEngine.Ownership.GUEST))
        .compose(this::start);
  }

  private Future<?> start(NativeEngine opened) {
    engine = opened;
    NodeIdentity identity = new NodeIdentity(options.address(), UUID.randomUUID().toString());
    Settings settings = Settings.embedded(options.limits());
    Registry jobs = new Registry(identity, opened, settings.logMemory(), settings.jobLimits());
    registry = jobs;
    Bus opener = new Bus(vertx, options.address(), identity.boot());
    bus = opener;
    ServerRoom room =
        ServerRoom.of(jobs, opener, settings.serverLimits(), "runnel " + Version.text());
    return Workers.deploy(vertx, opener, jobs).compose(_ -> listen(room));
  }

  private Future<Void> listen(ServerRoom room) {
    Tokens tokens = options.tokens();
    Access access = tokens == null ? new Access.Open("anonymous") : new Access.ByToken(tokens);
    Future<Void> all = Future.succeededFuture();
    for (Listen.Tcp where : options.listen()) {
      all =
          all.compose(_ -> FrameListener.open(vertx, room, where, access, 1))
              .map(
                  listener -> {
                    listening.add(listener.listen());
                    return null;
                  });
    }
    return all;
  }

  @Override
  public Future<?> stop() {
    Registry jobs = registry;
    Future<Void> ended =
        jobs == null ? Future.succeededFuture() : Future.fromCompletionStage(jobs.close(), context);
    return ended.eventually(this::closeEngine);
  }

  private Future<Void> closeEngine() {
    if (bus != null) {
      bus.close();
    }
    NativeEngine opened = engine;
    return opened == null
        ? Future.succeededFuture()
        : vertx.executeBlocking(
            () -> {
              opened.close();
              return null;
            });
  }
}
