package dev.runnel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is said when there is no server, and how one is found. */
@NullMarked
class ConnectTest {
  @TempDir Path folder = Path.of("");

  private final Client client = new Client();

  private static int freePort() throws Exception {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  @Test
  void namesWhoRefused() throws Exception {
    String host = "127.0.0.1:" + freePort();
    assertEquals(255, client.run("exec", "-H", host, "true"));
    assertEquals(
        "runnel: cannot reach "
            + host
            + ": connection refused: no server listens there; --wait 30s retries until it is up\n",
        client.err());
  }

  @Test
  void namesAHostThatIsNone() throws Exception {
    assertEquals(255, client.run("exec", "-H", "no-such-host.invalid", "true"));
    assertTrue(
        client.err().startsWith("runnel: cannot reach no-such-host.invalid:7866: no such host"),
        client.err());
  }

  @Test
  void namesASocketThatIsNoneOrOfNobody() throws Exception {
    Path socket = folder.resolve("s");
    assertEquals(255, client.run("ping", "-H", "unix:" + socket));
    assertTrue(client.err().contains(": there is no such socket; "), client.err());

    try (ServerSocketChannel left = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      left.bind(UnixDomainSocketAddress.of(socket));
    }
    assertTrue(Files.exists(socket));
    Client other = new Client();
    assertEquals(255, other.run("ping", "-H", "unix:" + socket));
    assertTrue(other.err().contains(": connection refused: its server is gone; "), other.err());
  }

  @Test
  void takesTheHostFromTheEnvironment() throws Exception {
    assertEquals(255, client.env(Map.of("RUNNEL_HOST", "unix:/nowhere/x")).run("ping"));
    assertTrue(client.err().contains("unix:/nowhere/x"), client.err());
    Client other = new Client().env(Map.of("RUNNEL_HOST", "a:b"));
    assertEquals(2, other.run("ping"));
    assertEquals(
        "runnel: RUNNEL_HOST: port b (expected: from 1 to 65535) (see runnel ping --help)\n",
        other.err());
  }

  @Test
  void aHomeThatIsNoFolderSaysNothingOfHosts() {
    client.env(Map.of("HOME", "/dev/null", "XDG_RUNTIME_DIR", Client.NOWHERE));
    assertEquals(255, client.run("ping", "--wait", "1ms", "-H", "runnel.invalid"));
    assertFalse(client.err().contains("config.yaml"), client.err());
  }

  @Test
  void saysThatNoServerRunsHere() {
    assertEquals(255, client.run("jobs"));
    assertEquals(
        "runnel: no server runs on this machine (at "
            + Client.NOWHERE
            + "/runnel/runneld.sock): start one with runnel serve, or name one with -H\n",
        client.err());
  }

  @Test
  void triesAsLongAsItWasToldTo() throws Exception {
    String host = "127.0.0.1:" + freePort();
    assertEquals(255, client.run("exec", "--wait", "60ms", "-H", host, "true"));
    assertTrue(client.err().endsWith("no server listens there; tried for 60ms\n"), client.err());
  }

  @Test
  void waitsForAServer() throws Exception {
    Path socket = folder.resolve("late.sock");
    CompletableFuture<Integer> code =
        CompletableFuture.supplyAsync(
            () -> client.run("exec", "--wait", "30s", "-H", "unix:" + socket, "true"));
    try (ServerSocketChannel late = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      late.bind(UnixDomainSocketAddress.of(socket));
      late.accept().close();
    }
    assertEquals(255, code.get(30, TimeUnit.SECONDS));
    assertTrue(client.err().contains("late.sock closed the connection"), client.err());
  }

  @Test
  void readsTheTokenFromAFile() throws Exception {
    Path file = folder.resolve("token");
    Files.writeString(file, "s3cret \nsecond line\n");
    try (FakeServer server =
        new FakeServer(
            peer -> {
              assertTrue(peer.read().header().contains("\"token\":\"s3cret\""));
              peer.send(
                  "\"type\":\"error\",\"final\":true,\"code\":\"unauthenticated\","
                      + "\"message\":\"token: unknown\",\"close\":true");
            })) {
      assertEquals(255, client.exec(server, "--token-file", file.toString(), "true"));
      assertEquals(
          "runnel: "
              + server.host()
              + ": unauthenticated: token: unknown (a token goes into RUNNEL_TOKEN or"
              + " --token-file)\n",
          client.err());
    }
  }

  @Test
  void refusesATokenFileWithoutOne() throws Exception {
    Path file = Files.createFile(folder.resolve("empty"));
    assertEquals(255, client.run("exec", "--token-file", file.toString(), "true"));
    assertTrue(client.err().contains("is empty"), client.err());
    Client other = new Client();
    assertEquals(2, other.run("ping", "--token-file", folder + "/none"));
    assertTrue(other.err().contains("none: no such file or folder"), other.err());
  }
}
