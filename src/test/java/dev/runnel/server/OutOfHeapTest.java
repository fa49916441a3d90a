package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.Daemon;
import java.io.EOFException;
import java.io.IOException;
import java.net.SocketException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A daemon that is told to hold more than its heap has, and is made to. */
class OutOfHeapTest {
  private static final int MOST_CONNECTIONS = 2_000;
  private static final byte[] FRAME =
      RawClient.frame("'type':'stdin','job':'nobody','offset':0", new byte[131_072]);

  private final List<RawClient> hoarders = new ArrayList<>();

  @Test
  void endsSoThatEveryClientHearsOfItAndNoProcessIsLeft() throws Exception {
    List<String> little = List.of("-Xmx32m");
    String most = "max_partial_bytes=" + (1L << 40);
    String[] arguments = {
      "--listen", "127.0.0.1:0", "--insecure", "--watchdog", "on", "--limit", most
    };
    try (Daemon daemon = Daemon.start(little, arguments);
        RawClient running = new RawClient(daemon.port());
        RawClient idle = new RawClient(running.socket().getPort())) {
      assertEquals("pong", idle.ask("'type':'ping'").type());
      running.send(
          "'linger_ms':'forever'",
          "sleep 1000 & echo $!; setsid sleep 1001 & echo $!; echo $$; wait");
      StringBuilder told = new StringBuilder();
      while (told.toString().lines().count() < 3 || told.charAt(told.length() - 1) != '\n') {
        told.append(running.output(1));
      }

      hoard(daemon, running.socket().getPort());

      assertEquals(3, daemon.exitCode(), daemon.log());
      assertTrue(daemon.log().contains("java.lang.OutOfMemoryError"), daemon.log());
      expectEndOfStream(running);
      expectEndOfStream(idle);
      for (String pid : told.toString().lines().toList()) {
        Until.gone(Long.parseLong(pid));
      }
    } finally {
      for (RawClient hoarder : hoarders) {
        hoarder.close();
      }
    }
  }

  private void hoard(Daemon daemon, int port) {
    try {
      for (int i = 0; i < MOST_CONNECTIONS && daemon.process().isAlive(); i++) {
        RawClient hoarder = new RawClient(port);
        hoarders.add(hoarder);
        hoarder.send(Arrays.copyOf(FRAME, FRAME.length - 1));
      }
    } catch (IOException _) {
      // It has ended meanwhile.
    }
  }

  private static void expectEndOfStream(RawClient client) {
    IOException end =
        assertThrows(
            IOException.class,
            () -> {
              while (true) {
                var _ = client.next();
              }
            });
    assertTrue(end instanceof EOFException || end instanceof SocketException, end::toString);
  }
}
