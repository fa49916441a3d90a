package dev.runnel.config;

import dev.runnel.bus.Bus;
import dev.runnel.job.Registry;
import dev.runnel.model.NodeIdentity;
import dev.runnel.process.ProcessEngine;
import dev.runnel.security.Tokens;
import dev.runnel.server.Access;
import dev.runnel.server.FrameListener;
import dev.runnel.server.Listen;
import dev.runnel.server.ServerRoom;
import dev.runnel.server.seed.SeedListener;
import dev.runnel.worker.Workers;
import io.vertx.core.Future;
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
  private static final long SETUP_SECONDS = 30;

  private final Vertx vertx;
  private final Registry registry;
  private final Bus bus;
  private final ServerRoom room;
  private final Settings settings;
  private final @Nullable Tokens tokens;
  private final List<String> deployments = new ArrayList<>();
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
    this.registry = new Registry(identity, engine, settings.logMemory(), settings.jobLimits());
    this.bus = new Bus(vertx, Bus.DEFAULT_ADDRESS, identity.boot());
    this.room = ServerRoom.of(registry, bus, settings.serverLimits(), "runnel " + Version.text());
  }

  /** Starts the workers. */
  void start() throws SettingsException {
    var _ = await("start workers", Workers.deploy(vertx, bus, registry));
  }

  /** Opens a listener and says where it is, with the port that was picked. */
  Listen listen(Listen where) throws SettingsException {
    return switch (where) {
      case Listen.Tcp tcp -> listenOnTcp(tcp);
      case Listen.Unix unix -> listenOnUnix(unix);
    };
  }

  /** Opens the seed listener and says where it is, with the port that was picked. */
  Listen listenForSeed(Listen.Tcp where) throws SettingsException {
    long maxBytes = settings.limit(Limit.MAX_SEED_BYTES);
    SeedListener listener =
        await("listen on " + where, SeedListener.open(vertx, room, where, maxBytes));
    deployments.add(listener.deployment());
    return listener.listen();
  }

  private Listen listenOnTcp(Listen.Tcp tcp) throws SettingsException {
    Access access = tokens == null ? new Access.Open("anonymous") : new Access.ByToken(tokens);
    return open(tcp, tcp, access);
  }

  private Listen listenOnUnix(Listen.Unix unix) throws SettingsException {
    UnixSocket socket = UnixSocket.prepare(unix.path());
    sockets.add(socket);
    open(unix, new Listen.Unix(socket.bindPath()), new Access.Open("local"));
    try {
      socket.publish();
    } catch (IOException e) {
      throw SettingsException.config("cannot listen on " + unix + ": " + ConfigFile.reason(e));
    }
    return unix;
  }

  private Listen open(Listen told, Listen address, Access access) throws SettingsException {
    // One event loop for each core: a verticle's connections are all on its own.
    int verticles =
        settings.life() == Settings.Life.OWN ? Runtime.getRuntime().availableProcessors() : 1;
    FrameListener listener =
        await("listen on " + told, FrameListener.open(vertx, room, address, access, verticles));
    deployments.add(listener.deployment());
    return listener.listen();
  }

  /** Ends every job, lets the followers hear of it, and closes all connections. */
  void stop() {
    sockets.forEach(UnixSocket::delete);
    try {
      registry.close().get(SETUP_SECONDS, TimeUnit.SECONDS);
      for (String deployment : deployments) {
        await("stop", vertx.undeploy(deployment));
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
