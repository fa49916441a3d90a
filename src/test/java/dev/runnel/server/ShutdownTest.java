package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.RunnelOptions;
import dev.runnel.RunnelVerticle;
import dev.runnel.api.JobHandle;
import dev.runnel.eventbus.CommandBus;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.JobSpec;
import dev.runnel.model.Outcome;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.net.ServerSocket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How an application's node goes, and what those hear who follow its jobs by then. */
@Tag("also-root")
class ShutdownTest {
  private static final long PATIENCE_SECONDS = 30;

  /** It has a child, and neither minds being asked to end. */
  private static final String STUBBORN = "trap '' TERM; echo up; sleep 1000 & wait; sleep 1000";

  private final Vertx vertx = Vertx.vertx();

  @AfterEach
  void close() {
    await(vertx.close());
  }

  @Test
  void everyFollowerOfAnUndeployedNodeHearsThatItWasShutDown(@TempDir Path folder)
      throws Exception {
    RunnelVerticle node = new RunnelVerticle(everywhere(folder));
    String deployed = await(vertx.deployVerticle(node));
    Followers followers = followersOf(node);
    Future<?> undeployed = vertx.undeploy(deployed);
    followers.hearOfTheShutdown();
    await(undeployed);
    Until.gone(followers.busJob().pid());
  }

  @Test
  void everyFollowerOfAClosedVertxHearsThatItWasShutDown(@TempDir Path folder) throws Exception {
    RunnelVerticle node = new RunnelVerticle(everywhere(folder));
    await(vertx.deployVerticle(node));
    Followers followers = followersOf(node);
    Future<?> closed = vertx.close();
    followers.hearOfTheShutdown();
    await(closed);
    Until.gone(followers.busJob().pid());
  }

  @Test
  void unixSocketIsItsOwnersAloneAndGoesWithTheNode(@TempDir Path folder) throws Exception {
    Path path = folder.resolve("s");
    RunnelVerticle node = new RunnelVerticle(new RunnelOptions().addUnixListener(path));
    String deployed = await(vertx.deployVerticle(node));
    assertEquals(List.of(new ListenAddress.Unix(path.toString())), node.listening());
    assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(path)));
    await(vertx.undeploy(deployed));
    assertFalse(Files.exists(path));
  }

  @Test
  void whatCannotListenLeavesNothingBehind(@TempDir Path folder) throws Exception {
    long pumps = pumps();
    try (ServerSocket taken = new ServerSocket(0)) {
      RunnelOptions options =
          new RunnelOptions()
              .setInsecure(true)
              .addListener("0.0.0.0", taken.getLocalPort())
              .addUnixListener(folder.resolve("s"));
      CompletionException failure =
          assertThrows(
              CompletionException.class,
              () -> await(vertx.deployVerticle(new RunnelVerticle(options))));
      String why = String.valueOf(failure.getMessage());
      assertTrue(why.contains("cannot listen on 0.0.0.0:" + taken.getLocalPort()), why);
      Until.holds("nothing deployed", () -> vertx.deploymentIDs().isEmpty());
      Until.holds("no thread of its engine", () -> pumps() == pumps);
      // The names on the event bus are free again.
      await(vertx.deployVerticle(new RunnelVerticle()));
    }
  }

  private static long pumps() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals("runnel-pump"))
        .count();
  }

  private static RunnelOptions everywhere(Path folder) {
    return new RunnelOptions()
        .setInsecure(true)
        .addListener("127.0.0.1", 0)
        .addUnixListener(folder.resolve("socket"));
  }

  /** One on each way in. */
  private record Followers(RawClient tcp, RawClient unix, JobHandle busJob) {
    void hearOfTheShutdown() throws Exception {
      assertEquals(Outcome.SHUTDOWN, await(busJob.end()).outcome());
      try (tcp;
          unix) {
        assertEquals("shutdown", tcp.finish().outcome());
        assertEquals("shutdown", unix.finish().outcome());
        assertTrue(tcp.isAtEnd());
      }
    }
  }

  private Followers followersOf(RunnelVerticle node) throws Exception {
    ListenAddress.Tcp tcp = assertInstanceOf(ListenAddress.Tcp.class, node.listening().getFirst());
    ListenAddress.Unix unix =
        assertInstanceOf(ListenAddress.Unix.class, node.listening().getLast());
    JobSpec spec = JobSpec.of(CommandSpec.of("/bin/sh", "-c", STUBBORN));
    return new Followers(
        stubborn(new RawClient(tcp.port())),
        stubborn(connect(unix.path())),
        await(CommandBus.of(vertx).run(spec)));
  }

  private static RawClient stubborn(RawClient client) throws Exception {
    client.send("'grace_ms':300", STUBBORN);
    client.nextOfType("output");
    return client;
  }

  private static RawClient connect(String path) throws Exception {
    SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
    channel.connect(UnixDomainSocketAddress.of(path));
    return new RawClient(Channels.newInputStream(channel), Channels.newOutputStream(channel));
  }

  private static <T> T await(Future<T> future) {
    return future
        .toCompletionStage()
        .toCompletableFuture()
        .orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS)
        .join();
  }
}
