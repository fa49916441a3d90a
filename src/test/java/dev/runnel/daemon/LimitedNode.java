package dev.runnel.daemon;

import dev.runnel.job.SpoolThreads;
import dev.runnel.model.NodeIdentity;
import dev.runnel.process.engine.NativeEngine;
import dev.runnel.record.Recordings;
import dev.runnel.security.AccessControl;
import dev.runnel.security.audit.Audit;
import dev.runnel.security.identity.Tokens;
import dev.runnel.security.policy.Policy;
import dev.runnel.security.policy.RecordingScope;
import dev.runnel.server.Authentication;
import dev.runnel.server.ListenAddress;
import dev.runnel.server.RawClient;
import dev.runnel.settings.GuestSettings;
import dev.runnel.settings.Limit;
import dev.runnel.settings.RecordSettings;
import dev.runnel.settings.Settings;
import dev.runnel.settings.StateDirectory;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/**
 * A node as the daemon makes it from its limits, with a disk, recordings, tokens and a seed
 * listener; in the test's own JVM, and quick to make.
 */
final class LimitedNode implements AutoCloseable {
  private static final ListenAddress.Tcp ANYWHERE = new ListenAddress.Tcp("127.0.0.1", 0);
  private static final long PATIENCE_SECONDS = 60;

  private final Tokens.NewToken token = Tokens.create("limited");
  private final Recordings recordings;
  private final Node node;
  private final int port;
  private final int seedPort;

  LimitedNode(Vertx vertx, NativeEngine engine, Path folder, Map<Limit, Long> limits)
      throws Exception {
    Map<String, Long> named = new HashMap<>();
    limits.forEach((limit, value) -> named.put(limit.key(), value));
    Settings settings = GuestSettings.read(Map.of("limits", named));
    AccessControl guard = new AccessControl(Policy.NONE, Audit.NONE, settings.quotas());
    Path state = folder.resolve("state");
    SpoolThreads spooler =
        new StateDirectory(state, StateDirectory.Wish.NAMED)
            .open(settings.limit(Limit.MAX_SPOOL_BYTES));
    recordings =
        new RecordSettings(folder.resolve("recordings"), RecordingScope.ALL)
            .open(settings, guard.audit());
    String boot = UUID.randomUUID().toString();
    node =
        new Node(
            vertx,
            engine,
            settings,
            new Node.Terms(
                new NodeIdentity("limited", boot),
                "limited-" + boot,
                new Authentication.ByToken(Tokens.parse(List.of(token.line()))),
                guard,
                new Node.Disk(spooler, recordings)));
    await(node.start());
    port = ((ListenAddress.Tcp) await(node.listen(ANYWHERE))).port();
    seedPort = ((ListenAddress.Tcp) await(node.listenForSeed(ANYWHERE))).port();
  }

  /** A client that has said who it is. */
  RawClient connect() throws IOException {
    RawClient client = new RawClient(port);
    client.send("'type':'hello','id':'hello','version':1,'token':'" + token.secret() + "'");
    return client;
  }

  Socket connectToSeed() throws IOException {
    return new Socket(InetAddress.getLoopbackAddress(), seedPort);
  }

  @Override
  public void close() throws IOException {
    await(node.stop());
    recordings.close();
  }

  static <T> T await(Future<T> future) {
    return future
        .toCompletionStage()
        .toCompletableFuture()
        .orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS)
        .join();
  }
}
