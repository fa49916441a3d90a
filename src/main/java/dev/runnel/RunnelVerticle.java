package dev.runnel;

import dev.runnel.daemon.HostedNode;
import dev.runnel.daemon.Node;
import dev.runnel.model.NodeIdentity;
import dev.runnel.process.engine.NativeEngine;
import dev.runnel.server.ListenAddress;
import dev.runnel.settings.Setting;
import dev.runnel.settings.Settings;
import dev.runnel.settings.SettingsException;
import io.vertx.core.AsyncResult;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.VerticleBase;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Runnel inside an application: deploy it, and commands can be run over the event bus and, if it is
 * told to listen, over TCP or a Unix socket. It is told by {@link RunnelOptions}, and by the
 * configuration of its deployment, whose keys are theirs and win. It takes no signals, reaps no
 * children but its own commands, and brings no logging back end along. Undeployed, or with its
 * Vertx closed, it ends all jobs with their process trees, and whoever follows one hears that it
 * was shut down.
 */
public final class RunnelVerticle extends VerticleBase {
  private final RunnelOptions given;
  private final List<ListenAddress> listening = new CopyOnWriteArrayList<>();
  private final AtomicBoolean started = new AtomicBoolean();
  private Duration grace = Duration.ZERO;
  private @Nullable HostedNode hosted;
  private @Nullable NativeEngine engine;
  private @Nullable Node node;

  /** One that only the event bus reaches, unless its deployment says more. */
  public RunnelVerticle() {
    this(new RunnelOptions());
  }

  public RunnelVerticle(RunnelOptions options) {
    this.given = new RunnelOptions(options);
  }

  /** Where it listens, with the ports that were picked; once it is deployed. */
  public List<ListenAddress> listening() {
    return List.copyOf(listening);
  }

  @Override
  public Future<?> start() {
    // Of what it has there is one.
    if (!started.compareAndSet(false, true)) {
      return Future.failedFuture(
          new IllegalStateException(
              "this RunnelVerticle is deployed already (expected: a new one for each deployment)"));
    }
    JsonObject deployment = config();
    RunnelOptions options =
        new RunnelOptions(
            given.toJson().mergeIn(deployment == null ? new JsonObject() : deployment));
    return vertx
        .executeBlocking(() -> open(options))
        .compose(this::listen)
        // A verticle that fails to start is not asked to stop.
        .recover(e -> stop().transform(_ -> Future.failedFuture(e)));
  }

  // Reads files, and starts a process, to see whether that can be done here.
  private Settings open(RunnelOptions options) throws SettingsException {
    Settings settings = options.settings();
    HostedNode made = HostedNode.open(settings, System.out);
    hosted = made;
    String name = settings.node() == null ? options.getAddress() : settings.node();
    NodeIdentity identity = new NodeIdentity(name, UUID.randomUUID().toString());
    NativeEngine opened =
        NativeEngine.open(
            NativeEngine.Ownership.GUEST,
            identity.boot(),
            settings.get(Setting.CLEAN_ENV)
                ? NativeEngine.Inheritance.CLEAN
                : NativeEngine.Inheritance.ALL);
    engine = opened;
    if (settings.needsWatchdog(System.getenv())) {
      opened.guard();
    }
    Node ours = made.node(vertx, opened, identity, options.getAddress());
    node = ours;
    ours.recover();
    made.watch();
    grace = settings.shutdownGrace();
    return settings;
  }

  // On a thread without a context: what is deployed there is not ours to Vert.x, which would
  // undeploy it before it asks us to stop, while jobs may still go on.
  private Future<?> listen(Settings settings) {
    Node ours = Objects.requireNonNull(node);
    Promise<Void> opened = Promise.promise();
    Context caller = vertx.getOrCreateContext();
    Thread.ofPlatform()
        .name("runnel-deploy")
        .start(
            () -> {
              try {
                open(ours, settings.listen())
                    .onComplete(how -> caller.runOnContext(_ -> tell(opened, how)));
              } catch (RuntimeException | Error e) {
                caller.runOnContext(_ -> opened.tryFail(e));
              }
            });
    return opened.future();
  }

  private static void tell(Promise<Void> opened, AsyncResult<?> how) {
    if (how.succeeded()) {
      opened.tryComplete();
    } else {
      opened.tryFail(how.cause());
    }
  }

  private Future<?> open(Node ours, List<ListenAddress> all) {
    Future<?> open = ours.start();
    for (ListenAddress where : all) {
      open = open.compose(_ -> ours.listen(where)).onSuccess(listening::add);
    }
    return open;
  }

  @Override
  public Future<?> stop() {
    Node ours = node;
    Future<?> stopped =
        ours == null ? Future.succeededFuture() : drained(ours).eventually(ours::stop);
    return stopped.eventually(this::closeRest);
  }

  private Future<?> drained(Node ours) {
    Future<Void> drained = ours.drain();
    return grace.isZero() || drained.isComplete()
        ? Future.succeededFuture()
        : Future.any(drained, vertx.timer(grace.toMillis(), TimeUnit.MILLISECONDS));
  }

  private Future<Void> closeRest() {
    return vertx
        .executeBlocking(
            () -> {
              close();
              return true;
            })
        .mapEmpty();
  }

  private void close() {
    NativeEngine opened = engine;
    if (opened != null) {
      opened.close();
    }
    HostedNode made = hosted;
    if (made != null) {
      made.close();
    }
  }
}
