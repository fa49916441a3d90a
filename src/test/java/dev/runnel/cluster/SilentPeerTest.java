package dev.runnel.cluster;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.runnel.model.NodeIdentity;
import dev.runnel.server.ListenAddress;
import dev.runnel.server.Until;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** A member that accepts connections and says nothing, as one does that is stopped. */
class SilentPeerTest {
  private static final InetAddress HERE = InetAddress.ofLiteral("127.0.0.1");

  private int port;

  @Test
  void doesNotKeepTheThreadBusyThatWritesToAllOthers() throws Exception {
    ListenAddress.Tcp listen = new ListenAddress.Tcp("127.0.0.1", freePort());
    FutureTask<Cluster> joining = new FutureTask<>(() -> Cluster.join(options(listen), joiner()));
    try (ServerSocket silent = new ServerSocket(0, 50, HERE)) {
      port = silent.getLocalPort();
      var _ = Thread.ofPlatform().start(joining);
      try (Socket peer = silent.accept()) {
        byte[] protocol = peer.getInputStream().readNBytes(3);
        assertArrayEquals("HZC".getBytes(StandardCharsets.US_ASCII), protocol);
        // It has more to say to this one, and waits for an answer first.
        Until.holds("the writer waits for something to do", SilentPeerTest::isWriterWaiting);
      }
    }
    // Nobody is there any more.
    try (Cluster alone = joining.get(30, TimeUnit.SECONDS)) {
      assertEquals(1, alone.nodes().size());
    }
  }

  private static boolean isWriterWaiting() {
    return Thread.getAllStackTraces().entrySet().stream()
        .filter(each -> each.getKey().getName().contains(".IO.thread-out-"))
        .anyMatch(each -> Arrays.stream(each.getValue()).anyMatch(SilentPeerTest::isSelect));
  }

  private static boolean isSelect(StackTraceElement frame) {
    return frame.getClassName().startsWith("sun.nio.ch.") && frame.getMethodName().equals("select");
  }

  private ClusterOptions options(ListenAddress.Tcp listen) {
    return new ClusterOptions(
        "silent",
        listen,
        List.of("127.0.0.1:" + port),
        Map.of(),
        ClusterOptions.DEFAULT_SILENCE,
        null);
  }

  private static int freePort() throws Exception {
    try (ServerSocket free = new ServerSocket(0, 1, HERE)) {
      return free.getLocalPort();
    }
  }

  private static Cluster.Joiner joiner() {
    return new Cluster.Joiner(
        new NodeIdentity("n1", "boot-1"),
        "0",
        new ListenAddress.Tcp("127.0.0.1", 1),
        () -> new Cluster.Having(0, 1_000, false),
        Duration.ofMinutes(1));
  }
}
