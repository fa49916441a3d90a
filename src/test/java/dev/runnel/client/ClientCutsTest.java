package dev.runnel.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.runnel.CuttingProxy;
import dev.runnel.CuttingProxy.Manner;
import dev.runnel.api.CommandsContract;
import dev.runnel.api.JobHandle;
import dev.runnel.model.End;
import dev.runnel.model.ExitStatus;
import dev.runnel.server.TestNode;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.streams.ReadStream;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * That no byte is lost or doubled, and that the end is the command's, wherever and however the
 * connection is cut: under stdin, stdout and stderr at once, all clients on one Vertx.
 */
class ClientCutsTest {
  private static final int AT_ONCE = 20;
  private static final int BYTES = 400_000;
  private static final int SPREAD = 300_000;
  private static final Duration HEARTBEAT = Duration.ofMillis(500);

  @Test
  void sixtyCutsLoseNothing() throws Exception {
    transferAll(0);
  }

  @Test
  @Tag("long")
  void sixHundredCutsLoseNothing() throws Exception {
    for (int batch = 1; batch <= 10; batch++) {
      transferAll(batch * AT_ONCE);
    }
  }

  /** One transfer for each seed, all at once, each cut once in every manner. */
  private static void transferAll(int firstSeed) throws Exception {
    Vertx vertx = Vertx.vertx();
    List<Transfer> transfers = new ArrayList<>();
    try (TestNode node = new TestNode()) {
      for (int seed = firstSeed; seed < firstSeed + AT_ONCE; seed++) {
        transfers.add(new Transfer(vertx, node.port(), seed));
      }
      for (Transfer transfer : transfers) {
        transfer.check();
      }
    } finally {
      CommandsContract.await(vertx.close());
    }
  }

  private static final class Transfer {
    private final String how;
    private final CuttingProxy proxy;
    private final byte[] bytes = new byte[BYTES];
    private final Promise<Buffer> stdout = Promise.promise();
    private final Promise<Buffer> stderr = Promise.promise();
    private final Future<End> end;

    Transfer(Vertx vertx, int port, int seed) throws IOException {
      List<Manner> manners = new ArrayList<>(List.of(Manner.values()));
      Collections.shuffle(manners, new Random(seed));
      new Random(seed).nextBytes(bytes);
      how = "seed " + seed + ": " + manners + ": ";
      proxy = new CuttingProxy(port, seed, manners, SPREAD);
      ClientOptions there = ClientOptions.tcp("127.0.0.1", proxy.port()).withHeartbeat(HEARTBEAT);
      end =
          CommandClient.of(vertx, there)
              .run(CommandsContract.piped("tee /dev/stderr; exit 7"))
              .compose(this::echo);
    }

    private Future<End> echo(JobHandle job) {
      collect(job.stdout(), stdout);
      collect(job.stderr(), stderr);
      return CommandsContract.feed(job.stdin(), bytes, 0).compose(_ -> job.end());
    }

    private static void collect(ReadStream<Buffer> stream, Promise<Buffer> whole) {
      Buffer all = Buffer.buffer();
      stream
          .exceptionHandler(whole::tryFail)
          .endHandler(_ -> whole.complete(all))
          .handler(all::appendBuffer);
    }

    void check() throws Exception {
      try (proxy) {
        assertEquals(new ExitStatus.Exited(7), get(end).status(), how);
        assertArrayEquals(bytes, get(stdout.future()).getBytes(), how + "stdout");
        assertArrayEquals(bytes, get(stderr.future()).getBytes(), how + "stderr");
        assertEquals(Manner.values().length, proxy.made(), how + "cuts");
      }
    }

    private <T> T get(Future<T> future) {
      try {
        return future.toCompletionStage().toCompletableFuture().get(60, TimeUnit.SECONDS);
      } catch (Exception e) {
        throw new AssertionError(how + e, e);
      }
    }
  }
}
