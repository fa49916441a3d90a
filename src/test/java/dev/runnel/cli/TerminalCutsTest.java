package dev.runnel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.CuttingProxy;
import dev.runnel.CuttingProxy.Manner;
import dev.runnel.Daemon;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

/** A job's terminal, with ours on the other side of connections that are cut. */
@NullMarked
class TerminalCutsTest {
  private static final int AT_ONCE = 6;
  private static final int BYTES = 200_000;
  private static final int SPREAD = 100_000;

  /** Types once the command has said that it is ready. */
  private static final class Keys implements ReadableByteChannel {
    private final Client client;
    private final ByteBuffer keys;

    Keys(Client client, byte[] keys) {
      this.client = client;
      this.keys = ByteBuffer.wrap(keys);
    }

    @Override
    public int read(ByteBuffer into) throws IOException {
      try {
        client.awaitOut("ready");
      } catch (InterruptedException e) {
        throw new IOException(e);
      }
      int count = Math.min(into.remaining(), keys.remaining());
      into.put(into.position(), keys, keys.position(), count);
      into.position(into.position() + count);
      keys.position(keys.position() + count);
      return count == 0 ? -1 : count;
    }

    @Override
    public boolean isOpen() {
      return true;
    }

    @Override
    public void close() {}
  }

  @Test
  void everyKeyArrivesAndEverythingIsShownOnce() throws Exception {
    try (Daemon daemon = Daemon.start("--listen", "127.0.0.1:0", "--insecure");
        ExecutorService threads = Executors.newFixedThreadPool(AT_ONCE)) {
      int port = daemon.port();
      List<CompletableFuture<Void>> all = new ArrayList<>();
      for (int seed = 0; seed < AT_ONCE; seed++) {
        int mine = seed;
        all.add(CompletableFuture.runAsync(() -> typeAndRead(port, mine), threads));
      }
      CompletableFuture.allOf(all.toArray(CompletableFuture[]::new)).get(120, TimeUnit.SECONDS);
    }
  }

  private static void typeAndRead(int port, int seed) {
    String typed = text(seed);
    List<Manner> manners = List.of(Manner.RESET, Manner.SILENCE, Manner.CLOSE);
    Client client = new Client();
    client.stdin(new Keys(client, typed.getBytes(java.nio.charset.StandardCharsets.US_ASCII)));
    try (CuttingProxy proxy = new CuttingProxy(port, seed, manners, SPREAD)) {
      String there = "127.0.0.1:" + proxy.port();
      String line = "stty raw -echo; echo ready; head -c " + BYTES + "; exit 7";
      int code = client.run("exec", "-q", "-H", there, "--heartbeat", "500ms", "-tt", "-c", line);
      assertEquals(7, code, client.err());
      assertTrue(("ready\n" + typed).equals(client.out()), "seed " + seed + client.out().length());
      assertEquals(manners.size(), proxy.made(), "cuts of seed " + seed);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static String text(int seed) {
    return new Random(seed)
        .ints(BYTES, '!', '~')
        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
        .toString();
  }
}
