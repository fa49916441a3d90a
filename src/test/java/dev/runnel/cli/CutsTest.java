package dev.runnel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.CuttingProxy;
import dev.runnel.CuttingProxy.Manner;
import dev.runnel.Daemon;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * That no byte is lost or doubled, and that the end is the command's, wherever and however the
 * connection is cut: under stdin, stdout and stderr at once, against a real server.
 */
@NullMarked
@Tag("slow")
class CutsTest {
  private static final int AT_ONCE = 20;
  private static final int BYTES = 800_000;
  private static final int SPREAD = 600_000;

  @Test
  void sixtyCutsLoseNothing() throws Exception {
    transferAll(0, AT_ONCE);
  }

  @Test
  @Tag("long")
  void sixHundredCutsLoseNothing() throws Exception {
    for (int batch = 1; batch <= 10; batch++) {
      transferAll(batch * AT_ONCE, AT_ONCE);
    }
  }

  /** One transfer for each seed, all at once, each cut once in every manner. */
  private static void transferAll(int firstSeed, int count) throws Exception {
    try (Daemon daemon = Daemon.start("--listen", "127.0.0.1:0", "--insecure");
        ExecutorService threads = Executors.newFixedThreadPool(count)) {
      int port = daemon.port();
      List<CompletableFuture<Void>> all = new ArrayList<>();
      for (int seed = firstSeed; seed < firstSeed + count; seed++) {
        int mine = seed;
        all.add(CompletableFuture.runAsync(() -> transfer(port, mine), threads));
      }
      CompletableFuture.allOf(all.toArray(CompletableFuture[]::new)).get(120, TimeUnit.SECONDS);
    }
  }

  private static void transfer(int port, int seed) {
    List<Manner> manners = new ArrayList<>(List.of(Manner.values()));
    Collections.shuffle(manners, new Random(seed));
    String bytes = text(seed);
    Client client = new Client().stdin(bytes);
    try (CuttingProxy proxy = new CuttingProxy(port, seed, manners, SPREAD)) {
      int code =
          client.run(
              "exec",
              "-q",
              "-H",
              "127.0.0.1:" + proxy.port(),
              "--heartbeat",
              "1s",
              "-c",
              "tee /dev/stderr; exit 7");
      String how = "seed " + seed + ": " + manners + ": ";
      assertEquals(7, code, how + last(client.err()));
      assertTrue(bytes.equals(client.out()), how + "stdout: " + client.out().length());
      assertTrue(bytes.equals(client.err()), how + "stderr: " + client.err().length());
      // On a busy machine a heartbeat may be too late, and cut before the proxy does.
      assertTrue(proxy.connections() > manners.size(), how + "cuts: " + proxy.made());
    } catch (java.io.IOException e) {
      throw new AssertionError(e);
    }
  }

  private static String last(String text) {
    return text.substring(Math.max(0, text.length() - 200));
  }

  private static String text(int seed) {
    Random random = new Random(seed);
    StringBuilder text = new StringBuilder(BYTES);
    for (int i = 0; i < BYTES; i++) {
      text.append((char) ('!' + random.nextInt(90)));
    }
    return text.toString();
  }
}
