package dev.runnel.config;

import dev.runnel.bus.Bus;
import dev.runnel.job.LogMemory;
import dev.runnel.job.Registry;
import dev.runnel.model.NodeIdentity;
import dev.runnel.process.ProcessEngine;
import dev.runnel.security.Tokens;
import dev.runnel.server.Access;
import dev.runnel.server.FrameServerVerticle;
import dev.runnel.server.Listen;
import dev.runnel.server.ServerRoom;
import dev.runnel.worker.WorkerVerticle;
import io.vertx.core.DeploymentOptions;
import io.vertx.core.Future;
import io.vertx.core.ThreadingModel;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * One runneld: the engine, the registry, the workers and the listeners, wired. It blocks its
 * caller, the main thread, and no other.
 */
final class Node {
  private static final int WORKERS = 2;
  private static final long SETUP_SECONDS = 30;

  private final Vertx vertx;
  private final Registry registry;
  private final Bus bus;
  private final LogMemory memory;
  private final ServerRoom room;
  private final Settings settings;
  private final @Nullable Tokens tokens;
  private final List<String> deployed = new ArrayList<>();
  private final List<UnixSocket> sockets = new ArrayList<>();

  /**
   * A node that does not listen yet.
   *
   * @param tokens null: TCP peers need none
   */
  Node(
      Vertx vertx,
      ProcessEngine engine,
      NodeIdentity identity,
      Settings settings,
      @Nullable Tokens tokens) {
    this.vertx = vertx;
    this.settings = settings;
    this.tokens = tokens;
    this.memory = settings.logMemory();
    this.registry = new Registry(identity, engine, memory, settings.jobLimits());
    this.bus = new Bus(vertx, identity.boot());
    this.room = ServerRoom.of(registry, bus, settings.serverLimits(), "runnel " + Version.text());
  }

  /** Starts the workers. */
  void start() throws SettingsException {
    DeploymentOptions options =
        new DeploymentOptions().setThreadingModel(ThreadingModel.WORKER).setInstances(WORKERS);
    await("start workers", vertx.deployVerticle(() -> new WorkerVerticle(bus), options));
  }

  /** Opens a listener and says where it is, with the port that was picked. */
  Listen listen(Listen where) throws SettingsException {
    return switch (where) {
      case Listen.Tcp tcp -> listenOnTcp(tcp);
      case Listen.Unix unix -> listenOnUnix(unix);
    };
  }

  private Listen listenOnTcp(Listen.Tcp tcp) throws SettingsException {
    Access access = tokens == null ? new Access.Open("anonymous") : new Access.ByToken(tokens);
    FrameServerVerticle first = new FrameServerVerticle(room, tcp, access);
    deployed.add(await("listen on " + tcp, vertx.deployVerticle(first)));
    Listen.Tcp real = new Listen.Tcp(tcp.host(), first.port());
    deployOthers(real, real, access);
    return real;
  }

  private Listen listenOnUnix(Listen.Unix unix) throws SettingsException {
    UnixSocket socket = UnixSocket.prepare(unix.path());
    sockets.add(socket);
    Access access = new Access.Open("local");
    Listen.Unix bound = new Listen.Unix(socket.bindPath());
    deployed.add(
        await(
            "listen on " + unix,
            vertx.deployVerticle(new FrameServerVerticle(room, bound, access))));
    deployOthers(unix, bound, access);
    try {
      socket.publish();
    } catch (IOException e) {
      throw SettingsException.config("cannot listen on " + unix + ": " + ConfigFile.reason(e));
    }
    return unix;
  }

  // One event loop for each core: a verticle's connections are all on its own.
  private void deployOthers(Listen told, Listen address, Access access) throws SettingsException {
    int others = Runtime.getRuntime().availableProcessors() - 1;
    if (others > 0 && settings.life() == Settings.Life.OWN) {
      deployed.add(
          await(
              "listen on " + told,
              vertx.deployVerticle(
                  () -> new FrameServerVerticle(room, address, access),
                  new DeploymentOptions().setInstances(others))));
    }
  }

  /** Ends every job, lets the followers hear of it, and closes all connections. */
  void stop() {
    sockets.forEach(UnixSocket::delete);
    try {
      registry.close().get(SETUP_SECONDS, TimeUnit.SECONDS);
      for (String id : deployed) {
        await("stop", vertx.undeploy(id));
      }
    } catch (TimeoutException | ExecutionException | SettingsException e) {
      System.getLogger(Node.class.getName())
          .log(System.Logger.Level.WARNING, "stopped before all jobs had ended: " + e);
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  private static <T> T await(String what, Future<T> future) throws SettingsException {
    try {
      return future.toCompletionStage().toCompletableFuture().get(SETUP_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException | CompletionException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw SettingsException.config("cannot " + what + ": " + reason(cause));
    } catch (TimeoutException _) {
      throw SettingsException.config("cannot " + what + ": nothing after " + SETUP_SECONDS + " s");
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      throw SettingsException.config("cannot " + what + ": interrupted");
    }
  }

  private static String reason(Throwable cause) {
    String message = cause.getMessage();
    if (message == null) {
      return cause.getClass().getSimpleName();
    }
    // Netty's native transport says "bind(..) failed with error(-98): Address already in use".
    int colon = message.lastIndexOf("): ");
    return colon < 0 ? message : message.substring(colon + "): ".length());
  }
}
