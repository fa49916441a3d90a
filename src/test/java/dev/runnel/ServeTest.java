package dev.runnel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.security.Tokens;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The daemon as its operator meets it. */
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
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), daemon.port())) {
      assertTrue(answer(socket).contains("\"forbidden\""));
      Files.writeString(
          policy, "rules: [{name: a, principals: [anonymous], commands: [['true']]}]\n");
      awaitLog(daemon, "files taken up files=[" + policy);
      assertTrue(answer(socket).contains("\"started\""));
      Files.writeString(policy, "rules: [{name: a, principles: [anonymous]}]\n");
      awaitLog(daemon, "policy.yaml:1: rules.principles: unknown key");
      assertTrue(answer(socket).contains("\"started\""));
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
  private static String answer(Socket socket) throws IOException {
    send(socket, "{\"argv\":[\"true\"],\"total_size\":0}", "");
    DataInputStream in = new DataInputStream(socket.getInputStream());
    String first = header(in);
    for (String next = first; !next.contains("\"final\":true"); next = header(in)) {}
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
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), daemon.port())) {
      send(socket, "{\"total_size\":8}", "sleep 60");
      DataInputStream in = new DataInputStream(socket.getInputStream());
      assertTrue(header(in).contains("\"started\""));
      daemon.process().destroy();
      String end = header(in);
      assertTrue(end.contains("\"outcome\":\"shutdown\""), end);
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
        Channels.newOutputStream(channel).write(frame("{\"total_size\":7}", "echo hi"));
        InputStream in = Channels.newInputStream(channel);
        assertTrue(header(new DataInputStream(in)).contains("\"started\""));
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
  void refusesTcpWithoutTokensUnlessToldOtherwise() throws Exception {
    refuses(2, "--insecure", "--listen", "127.0.0.1:0");
  }

  @Test
  void letsInWhoeverHasATokenOfItsFile(@TempDir Path folder) throws Exception {
    Tokens.NewToken token = Tokens.create("ci");
    Path tokens = Files.writeString(folder.resolve("tokens"), "# ours\n\n" + token.line() + "\n");
    try (Daemon daemon = Daemon.start("--listen", "127.0.0.1:0", "--tokens", tokens.toString())) {
      int port = daemon.port();
      assertTrue(greet(port, token.secret()).contains("\"features\""));
      assertTrue(greet(port, token.secret() + "x").contains("\"unauthenticated\""));
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
  void namesTheUnknownKeyItsLineAndItsFile(@TempDir Path folder) throws Exception {
    Path file = Files.writeString(folder.resolve("r.yaml"), "insecure: true\n\nlimts:\n  a: 1\n");
    refuses(1, file + ":3: limts: unknown key", "--config", file.toString());
    Files.writeString(file, "limits:\n  max_jobs: 5\n  max_job: 6\n");
    refuses(1, file + ":3: limits.max_job: unknown key", "--config", file.toString());
    Files.writeString(file, "limits:\n  max_jobs: 0\n");
    refuses(1, file + ":2: limits.max_jobs: 0 (expected: from 1", "--config", file.toString());
    Files.writeString(file, "insecure: perhaps\n");
    refuses(1, file + ":1: insecure: (expected: true or false)", "--config", file.toString());
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
    refuses(2, "--lisen: unknown option", "--lisen", "x");
    refuses(2, "a value is missing", "--listen");
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
      assertEquals(exitCode == 2 ? 2 : 1, log.lines().count(), log);
    }
  }

  private static String greet(int port, String token) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      send(
          socket,
          "{\"type\":\"hello\",\"version\":1,\"token\":\"" + token + "\",\"total_size\":0}",
          "");
      return header(new DataInputStream(socket.getInputStream()));
    }
  }

  private static void send(Socket socket, String header, String body) throws IOException {
    socket.getOutputStream().write(frame(header, body));
  }

  private static byte[] frame(String header, String body) {
    byte[] text = (header + body).getBytes(StandardCharsets.UTF_8);
    byte[] frame = new byte[4 + text.length];
    frame[0] = (byte) header.length();
    System.arraycopy(text, 0, frame, 4, text.length);
    return frame;
  }

  private static String header(DataInputStream in) throws IOException {
    byte[] bytes = in.readNBytes(Integer.reverseBytes(in.readInt()));
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
