package dev.runnel;

import dev.runnel.daemon.Node;
import dev.runnel.model.NodeIdentity;
import dev.runnel.process.engine.NativeEngine;
import dev.runnel.security.AccessControl;
import dev.runnel.security.audit.Audit;
import dev.runnel.security.identity.Tokens;
import dev.runnel.security.policy.Policy;
import dev.runnel.server.Authentication;
import dev.runnel.server.ListenAddress;
import dev.runnel.settings.Settings;
import dev.runnel.tls.ServerTls;
import dev.runnel.tls.TlsException;
import dev.runnel.tls.TlsFiles;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Runnel inside an application: deploy it, and commands can be run over the event bus and, if it is
 * told to listen, over TCP or a Unix socket. It takes no signals, reaps no children but its own
 * commands, and brings no logging back end along. Undeployed, or with its Vertx closed, it ends all
 * jobs with their process trees, and whoever follows one hears that it was shut down.
 */
public final class RunnelVerticle extends VerticleBase {
  private final RunnelOptions options;
  private final List<ListenAddress> listening = new ArrayList<>();
  private final AtomicBoolean started = new AtomicBoolean();
  private @Nullable NativeEngine engine;
  private @Nullable Node node;

  /** One that only the event bus reaches. */
  public RunnelVerticle() {
    this(new RunnelOptions());
  }

  public RunnelVerticle(RunnelOptions options) {
    this.options = options;
  }

  /** Where it listens, with the ports that were picked; once it is deployed. */
  public List<ListenAddress> listening() {
    return List.copyOf(listening);
  }

  // Opening the engine starts a process, to see whether that can be done here.
  @Override
  public Future<?> start() {
    // Of what it has there is one.
    if (!started.compareAndSet(false, true)) {
      return Future.failedFuture(
          new IllegalStateException(
              "this RunnelVerticle is deployed already (expected: a new one for each deployment)"));
    }
    return vertx
        .executeBlocking(this::tcp)
        .compose(
            access ->
                vertx
                    .executeBlocking(() -> NativeEngine.open(NativeEngine.Ownership.GUEST))
                    .compose(opened -> start(opened, access)));
  }

  // A verticle that fails to start is not asked to stop.
  private Future<?> start(NativeEngine opened, Authentication access) {
    engine = opened;
    Settings settings = Settings.ofGuest(options.limits());
    NodeIdentity identity = new NodeIdentity(options.address(), UUID.randomUUID().toString());
    Node made =
        new Node(
            vertx,
            opened,
            settings,
            new Node.Terms(
                identity,
                options.address(),
                access,
                new AccessControl(Policy.NONE, Audit.NONE, settings.quotas())));
    node = made;
    return made.start()
        .compose(_ -> listen(made))
        .recover(e -> stop().transform(_ -> Future.failedFuture(e)));
  }

  // Reads the files of TLS.
  private Authentication tcp() throws TlsException {
    Tokens tokens = options.tokens();
    TlsFiles tls = options.tls();
    boolean asked = tokens != null || (tls != null && tls.ca() != null);
    Authentication access =
        asked
            ? new Authentication.ByToken(tokens == null ? Tokens.NONE : tokens)
            : new Authentication.Open("anonymous");
    return tls == null ? access : new Authentication.OverTls(ServerTls.of(tls), access);
  }

  private Future<Void> listen(Node made) {
    Future<?> all = Future.succeededFuture();
    for (ListenAddress where : options.listen()) {
      all = all.compose(_ -> made.listen(where)).onSuccess(listening::add);
    }
    return all.mapEmpty();
  }

  @Override
  public Future<?> stop() {
    Node made = node;
    Future<Void> stopped = made == null ? Future.succeededFuture() : made.stop();
    return stopped.eventually(this::closeEngine);
  }

  private Future<Void> closeEngine() {
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
