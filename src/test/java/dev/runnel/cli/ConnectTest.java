package dev.runnel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.Tool;
import java.io.BufferedReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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
  @Tag("root")
  void givesNoTokenToAnotherWhoTookThePort() throws Exception {
    Tool.requireRoot("ConnectTest.givesNoTokenToAnotherWhoTookThePort");
    Tool.require("python3", "ConnectTest.givesNoTokenToAnotherWhoTookThePort");
    String program =
        "import os, socket; os.setuid(65534); s = socket.create_server(('127.0.0.1', 0));"
            + " print(s.getsockname()[1], flush=True); c = s.accept()[0];"
            + " print(c.recv(1000), flush=True)";
    Process other = new ProcessBuilder("python3", "-c", program).start();
    try (BufferedReader out = other.inputReader()) {
      String host = "127.0.0.1:" + out.readLine();
      client.env(Map.of("RUNNEL_TOKEN", "s3cret"));
      assertEquals(255, client.run("exec", "-H", host, "true"));
      assertEquals(
          "runnel: cannot reach "
              + host
              + ": the user with number 65534 listens there: the token is not sent (expected: us or"
              + " root, or --tls, or -H unix:PATH)\n",
          client.err());
      assertEquals("b''", out.readLine());
    } finally {
      other.destroyForcibly().waitFor();
    }
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

  private static FakeServer.Script turnAway(long retryAfterMillis, List<Long> times) {
    return peer -> {
      times.add(System.nanoTime());
      var _ = peer.read();
      peer.send(
          "\"type\":\"error\",\"final\":true,\"code\":\"too_many_failures\","
              + "\"message\":\"too many failures: try again in 1 s\",\"retry_after_ms\":"
              + retryAfterMillis
              + ",\"close\":true");
      var _ = peer.readToEnd();
    };
  }

  private static void letIn(FakeServer.Peer peer) throws Exception {
    greet(peer);
    var _ = peer.readToEnd();
  }

  private static void greet(FakeServer.Peer peer) throws Exception {
    String hello = peer.read().header();
    assertTrue(hello.contains("\"hello\",\"id\":\"1\""), hello);
    peer.send(
        "\"type\":\"hello\",\"id\":\"1\",\"final\":true,\"version\":1,\"software\":\"x\","
            + "\"node\":\"n\",\"boot\":\"b\",\"max_header\":65536,\"max_body\":131072");
  }

  @ParameterizedTest
  @ValueSource(strings = {"exec", "ping"})
  void waitsUntilAServerTakesItAgainAndAsLongAsItIsTold(String verb) throws Exception {
    List<Long> times = new CopyOnWriteArrayList<>();
    try (FakeServer server =
        new FakeServer(
            turnAway(400, times),
            peer -> {
              times.add(System.nanoTime());
              letIn(peer);
            },
            peer -> {
              if (verb.equals("exec")) {
                var _ = peer.greet();
                var _ = peer.readRun();
                peer.started();
                peer.end("\"outcome\":\"exited\",\"exit_code\":0");
              } else {
                pong(peer);
              }
            })) {
      assertEquals(0, client.run(words(verb, server, "--wait", "1h")), client.err());
    }
    assertTrue(times.get(1) - times.get(0) >= 400_000_000, times.toString());
  }

  private static void pong(FakeServer.Peer peer) throws Exception {
    greet(peer);
    for (int id = 2; id < 10; id++) {
      var _ = peer.read();
      peer.send("\"type\":\"pong\",\"id\":\"" + id + "\",\"final\":true");
    }
  }

  private static String[] words(String verb, FakeServer server, String... more) {
    List<String> words = new ArrayList<>(List.of(verb, "-H", server.host()));
    words.addAll(List.of(more));
    if (verb.equals("exec")) {
      words.add("true");
    }
    return words.toArray(String[]::new);
  }

  @Test
  void waitsNoLongerThanItWasToldTo() throws Exception {
    List<Long> times = new CopyOnWriteArrayList<>();
    try (FakeServer server =
        new FakeServer(turnAway(3_600_000, times), turnAway(3_600_000, times))) {
      assertEquals(255, client.run(words("exec", server, "--wait", "100ms")));
    }
    assertEquals(2, times.size());
    assertTrue(
        client.err().contains("too_many_failures: too many failures: try again in 1 s"),
        client.err());
  }

  @Test
  void withoutPatienceItIsToldHowToHaveSome() throws Exception {
    List<Long> times = new CopyOnWriteArrayList<>();
    try (FakeServer server = new FakeServer(turnAway(1, times))) {
      assertEquals(255, client.exec(server, "true"));
    }
    assertTrue(client.err().endsWith(" (--wait 1m tries again for so long)\n"), client.err());
  }

  @Test
  void aWrongTokenIsNotTriedAgain() throws Exception {
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.read();
              peer.send(
                  "\"type\":\"error\",\"final\":true,\"code\":\"unauthenticated\","
                      + "\"message\":\"token: not known\",\"close\":true");
            })) {
      assertEquals(255, client.run(words("exec", server, "--wait", "1h")));
      assertTrue(client.err().contains("unauthenticated: token: not known"), client.err());
    }
  }

  @Test
  void saysHowItReachesTheServerIfAsked() throws Exception {
    Path token = Files.writeString(folder.resolve("token"), "s3cret\n");
    Files.setPosixFilePermissions(token, PosixFilePermissions.fromString("rw-------"));
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.greet();
              var _ = peer.read();
              peer.started();
              peer.end("\"outcome\":\"exited\",\"exit_code\":0");
            })) {
      assertEquals(0, client.exec(server, "-v", "--token-file", token.toString(), "true"));
      String host = server.host().replace(".", "\\.");
      assertTrue(
          client
              .err()
              .matches(
                  "runnel: token: .*/token\n"
                      + "runnel: connecting to "
                      + host
                      + " at "
                      + host
                      + "\nrunnel: connected from 127\\.0\\.0\\.1:\\d+, no TLS\n"),
          client.err());
      assertFalse(client.err().contains("s3cret"), client.err());
    }
    Client other = new Client();
    assertEquals(255, other.run("ping", "--verbose", "-H", "127.0.0.1:" + freePort()));
    assertTrue(other.err().contains("\nrunnel: failed: connection refused"), other.err());
  }

  @Test
  void readsTheTokenFromAFile() throws Exception {
    Path file = folder.resolve("token");
    Files.writeString(file, "s3cret \nsecond line\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
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
  void warnsOfASecretThatEveryUserCanRead() throws Exception {
    Path file = Files.writeString(folder.resolve("open"), "s3cret\n");
    for (String mode : List.of("rw-r--r--", "rw-r-----", "rw-------")) {
      Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(mode));
      String warning =
          "runnel: warning: every user of this machine can read "
              + file
              + " (chmod 600 takes that away)\n";
      for (String option : List.of("--token-file=" + file, "-q", "-n")) {
        Client each = new Client().env(Map.of("RUNNEL_TOKEN_FILE", file.toString()));
        assertEquals(255, each.run("exec", option, "-H", "127.0.0.1:" + freePort(), "true"));
        boolean warned = mode.endsWith("r--") && !option.equals("-q");
        assertTrue(
            each.err().startsWith((warned ? warning : "") + "runnel: cannot reach "), each.err());
      }
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
