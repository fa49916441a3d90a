package dev.runnel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.security.identity.Tokens;
import dev.runnel.server.RawClient;
import dev.runnel.server.RawClient.Answer;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The daemon as its operator meets it. */
@Tag("also-root")
@Tag("slow")
class ServeTest {

  @Test
  void tellsTheRealPortAndItsTransportAndEndsOnTermWithZero() throws Exception {
    try (Daemon daemon = Daemon.start("--listen", "127.0.0.1:0", "--insecure")) {
      String line = daemon.line();
      assertTrue(line.matches("listening on 127\\.0\\.0\\.1:[1-9][0-9]*"), line);
      assertTrue(daemon.log().contains("transport=epoll"), daemon.log());
      daemon.process().destroy();
      assertEquals(0, daemon.exitCode());
    }
  }

  @Test
  void policyIsFollowedAsItsFileChangesAndABrokenOneIsNot(@TempDir Path folder) throws Exception {
    Path policy = Files.writeString(folder.resolve("policy.yaml"), "rules: []\n");
    try (Daemon daemon =
            Daemon.start("--listen", "127.0.0.1:0", "--insecure", "--policy", policy.toString());
        RawClient client = new RawClient(daemon.port())) {
      assertEquals("forbidden", answer(client).text("code"));
      Files.writeString(
          policy, "rules: [{name: a, principals: [anonymous], commands: [['true']]}]\n");
      awaitLog(daemon, "files taken up files=[" + policy);
      assertEquals("started", answer(client).type());
      Files.writeString(policy, "rules: [{name: a, principles: [anonymous]}]\n");
      awaitLog(daemon, "policy.yaml:1: rules.principles: unknown key");
      assertEquals("started", answer(client).type());
    }
  }

  @Test
  void brokenPolicyIsNoStart(@TempDir Path folder) throws Exception {
    Path policy = Files.writeString(folder.resolve("policy.yaml"), "rules: [{}]\n");
    try (Daemon daemon =
        Daemon.start("--listen", "127.0.0.1:0", "--insecure", "--policy", policy.toString())) {
      assertEquals(1, daemon.exitCode());
      assertTrue(daemon.log().contains("policy.yaml:1: rules: name: missing"), daemon.log());
    }
  }

  // The first frame of the answer to a command; what follows is read over.
  private static Answer answer(RawClient client) throws IOException {
    client.send("'argv':['true']");
    Answer first = client.next();
    for (Answer next = first; !next.isFinal(); next = client.next()) {}
    return first;
  }

  private static void awaitLog(Daemon daemon, String words) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (!daemon.log().contains(words)) {
      assertTrue(System.nanoTime() - deadline < 0, () -> "not in the log: " + words);
      Thread.onSpinWait();
    }
  }

  @Test
  void followersHearOfTheShutdownBeforeTheDaemonEnds() throws Exception {
    try (Daemon daemon =
            Daemon.start("--listen", "127.0.0.1:0", "--insecure", "--shutdown-grace", "0s");
        RawClient client = new RawClient(daemon.port())) {
      client.send("", "sleep 60");
      assertEquals("started", client.next().type());
      daemon.process().destroy();
      Answer end = client.next();
      assertEquals("shutdown", end.text("outcome"), end::toString);
      assertEquals(0, daemon.exitCode());
    }
  }

  @Test
  void unixSocketIsItsOwnersAloneAndGoneAfterwards(@TempDir Path folder) throws Exception {
    Path path = folder.resolve("s.sock");
    try (Daemon daemon = Daemon.start("--listen", "unix:" + path)) {
      assertEquals("listening on unix:" + path, daemon.line());
      assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(path)));
      try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
        assertTrue(channel.connect(UnixDomainSocketAddress.of(path)));
        RawClient client =
            new RawClient(Channels.newInputStream(channel), Channels.newOutputStream(channel));
        client.send("", "echo hi");
        assertEquals("started", client.next().type());
      }
      daemon.process().destroy();
      assertEquals(0, daemon.exitCode());
      assertFalse(Files.exists(path));
    }
  }

  @Test
  void takesTheUnixSocketThatADeadDaemonLeft(@TempDir Path folder) throws Exception {
    Path path = folder.resolve("s.sock");
    try (Daemon killed = Daemon.start("--listen", "unix:" + path)) {
      assertEquals("listening on unix:" + path, killed.line());
    }
    assertTrue(Files.exists(path));
    try (Daemon next = Daemon.start("--listen", "unix:" + path)) {
      assertEquals("listening on unix:" + path, next.line());
      refuses(1, "already in use", "--listen", "unix:" + path);
    }
  }

  @Test
  void saysWhichHostOrFolderThereIsNot() throws Exception {
    refuses(1, "nowhere.invalid:1: no such host\n", "--listen", "nowhere.invalid:1", "--insecure");
    refuses(1, "the audit /nope/a: there is no folder /nope\n", "--audit", "/nope/a");
  }

  @Test
  void refusesTcpWithoutTokensUnlessToldOtherwise() throws Exception {
    refuses(2, "--insecure", "--listen", "127.0.0.1:0");
  }

  @Test
  void letsInWhoeverHasATokenOfItsFile(@TempDir Path folder) throws Exception {
    Tokens.NewToken token = Tokens.create("ci");
    Path tokens = Files.writeString(folder.resolve("tokens"), "# ours\n\n" + token.line() + "\n");
    try (Daemon daemon = Daemon.start("--listen", "127.0.0.1:0", "--tokens", tokens.toString())) {
      int port = daemon.port();
      assertEquals("hello", greet(port, token.secret()).type());
      assertEquals("unauthenticated", greet(port, token.secret() + "x").text("code"));
    }
  }

  @Test
  void saysInALineWhyItCannotStart(@TempDir Path folder) throws Exception {
    try (ServerSocket taken = new ServerSocket(0)) {
      String address = "0.0.0.0:" + taken.getLocalPort();
      refuses(1, address + ": Address already in use", "--insecure", "--listen", address);
    }
    refuses(1, "192.0.2.1:80", "--insecure", "--listen", "192.0.2.1:80");
    refuses(1, "no such file", "--config", folder.resolve("none").toString());
    refuses(1, "no such file", "--insecure", "--listen", "127.0.0.1:0", "--tokens", "/no/such");
    Path tokens = Files.writeString(folder.resolve("tokens"), "ci\n");
    refuses(1, "line 1", "--listen", "127.0.0.1:0", "--tokens", tokens.toString());
    refuses(1, "not a socket", "--listen", "unix:" + tokens);
  }

  @Test
  void checksWhatItIsToldAndStartsNothing(@TempDir Path folder) throws Exception {
    Path policy = Files.writeString(folder.resolve("policy.yaml"), "rules: []\n");
    try (Daemon daemon = Daemon.start("--check", "--policy", policy.toString())) {
      assertEquals("nothing is wrong with the settings", daemon.line());
      assertEquals(0, daemon.exitCode());
    }
    Files.writeString(policy, "rules: [{}]\n");
    refuses(
        1, "policy.yaml:1: rules: name: missing", "--check-config", "--policy", policy.toString());
  }

  @Test
  void namesTheUnknownKeyItsLineAndItsFile(@TempDir Path folder) throws Exception {
    Path file = Files.writeString(folder.resolve("r.yaml"), "insecure: true\n\nlimts:\n  a: 1\n");
    refuses(1, file + ":3: limts: unknown key", "--config", file.toString());
    Files.writeString(file, "limits:\n  max_jobs: 5\n  max_job: 6\n");
    refuses(1, file + ":3: limits.max_job: unknown key", "--config", file.toString());
    Files.writeString(file, "limits:\n  max_jobs: 0\n");
    refuses(1, file + ":2: limits.max_jobs: 0 (expected: from 1", "--config", file.toString());
    Files.writeString(file, "insecure: perhaps\n");
    refuses(
        1, file + ":1: insecure: perhaps (expected: true or false)", "--config", file.toString());
    Files.writeString(file, "insecure: true\ninsecure: true\n");
    refuses(1, "insecure", "--config", file.toString());
  }

  @Test
  void readsItsFile(@TempDir Path folder) throws Exception {
    Path file =
        Files.writeString(
            folder.resolve("r.yaml"),
            "listen: [\"127.0.0.1:0\", \"unix:%s\"]\ninsecure: true\nlog_level: error\n"
                .formatted(folder.resolve("s")));
    try (Daemon daemon = Daemon.start("--config", file.toString())) {
      assertTrue(daemon.line().startsWith("listening on 127.0.0.1:"));
      assertEquals("listening on unix:" + folder.resolve("s"), daemon.line());
      assertEquals("", daemon.log());
    }
  }

  @Test
  void wrongUsageIsTwoAndPointsToTheHelp() throws Exception {
    refuses(2, "unknown option --lisen (did you mean --listen?)", "--lisen", "x");
    refuses(2, "--listen: missing its value WHERE", "--listen");
    refuses(2, "unexpected x", "x");
    refuses(2, "HOST:PORT", "--listen", "localhost");
    refuses(2, "HOST:PORT", "--listen", "localhost:70000");
    refuses(2, "loud", "--log-level", "loud");
    refuses(2, "nonsense", "--limit", "nonsense=1");
    refuses(2, "did you mean 10s?", "--shutdown-grace", "10");
    refuses(2, "auto, on or off", "--watchdog", "perhaps");
  }

  private static void refuses(int exitCode, String words, String... arguments) throws Exception {
    try (Daemon daemon = Daemon.start(arguments)) {
      assertEquals(exitCode, daemon.exitCode());
      String log = daemon.log();
      assertTrue(log.contains(words), log);
      assertEquals(1, log.lines().count(), log);
      assertEquals(exitCode == 2, log.endsWith(" (see runnel serve --help)\n"), log);
    }
  }

  private static Answer greet(int port, String token) throws IOException {
    try (RawClient client = new RawClient(port)) {
      client.send("'type':'hello','version':1,'token':'" + token + "'");
      return client.next();
    }
  }
}
