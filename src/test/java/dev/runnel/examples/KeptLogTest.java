package dev.runnel.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.runnel.CuttingProxy;
import dev.runnel.RunnelOptions;
import dev.runnel.RunnelVerticle;
import dev.runnel.client.ClientOptions;
import dev.runnel.client.CommandClient;
import dev.runnel.model.End;
import dev.runnel.model.ExitStatus;
import dev.runnel.server.ListenAddress;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The guide's example of the Java client, over a network that cuts. */
class KeptLogTest {
  private static final long PATIENCE_SECONDS = 30;

  private final Vertx vertx = Vertx.vertx();

  @AfterEach
  void close() {
    await(vertx.close());
  }

  @Test
  void exampleKeepsAllOfItOverTwoCuts(@TempDir Path folder) throws Exception {
    RunnelVerticle node =
        new RunnelVerticle(new RunnelOptions().setInsecure(true).addListener("127.0.0.1", 0));
    await(vertx.deployVerticle(node));
    int port = ((ListenAddress.Tcp) node.listening().getFirst()).port();
    List<CuttingProxy.Manner> cuts = List.of(CuttingProxy.Manner.CLOSE, CuttingProxy.Manner.RESET);
    try (CuttingProxy proxy = new CuttingProxy(port, 1, cuts, 100_000)) {
      ClientOptions there = ClientOptions.tcp("127.0.0.1", proxy.port());
      Path log = folder.resolve("log");
      End end =
          await(
              new KeptLog(vertx, CommandClient.of(vertx, there))
                  .keep("seq 100000; exit 2", "" + log));
      assertEquals(new ExitStatus.Exited(2), end.status());
      assertEquals(100_000, Files.readAllLines(log).size());
      assertEquals(2, proxy.made());
    }
  }

  private static <T> T await(Future<T> future) {
    return future
        .toCompletionStage()
        .toCompletableFuture()
        .orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS)
        .join();
  }
}
