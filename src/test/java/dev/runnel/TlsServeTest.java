package dev.runnel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.security.identity.Tokens;
import dev.runnel.security.identity.Tokens.NewToken;
import dev.runnel.server.RawClient;
import dev.runnel.tls.TestCa;
import dev.runnel.tls.TlsFiles;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A daemon's certificates and tokens as its operator meets them. */
@Tag("either")
@Tag("slow")
class TlsServeTest {
  @TempDir Path folder = Path.of("");

  @SuppressWarnings("NullAway.Init") // Made before each test.
  private TestCa ca;

  @BeforeEach
  void prepare() throws Exception {
    ca = new TestCa("ca");
    Files.writeString(folder.resolve("ca.crt"), ca.cert());
    ca.issue("dns:localhost").write(folder, "server");
  }

  private Daemon daemon(String... more) throws IOException {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "--listen",
                "127.0.0.1:0",
                "--tls-cert",
                "" + folder.resolve("server.crt"),
                "--tls-key",
                "" + folder.resolve("server.key")));
    arguments.addAll(List.of(more));
    return Daemon.start(arguments.toArray(String[]::new));
  }

  @Test
  void tokensOnAnAddressThatOthersReachNeedTls() throws Exception {
    Path tokens = Files.writeString(folder.resolve("tokens"), Tokens.create("ci").line() + "\n");
    for (String address : List.of("0.0.0.0:0", "[::]:0", "192.0.2.1:7866", "nowhere.invalid:1")) {
      refuses(2, "in clear; give --tls-cert", "--listen", address, "--tokens", "" + tokens);
    }
    String[] meant = {"--listen", "0.0.0.0:0", "--tokens", "" + tokens, "--insecure"};
    try (Daemon daemon = Daemon.start(meant)) {
      assertTrue(daemon.line().startsWith("listening on 0.0.0.0:"));
    }
    try (Daemon daemon = daemon("--listen", "0.0.0.0:0", "--tokens", "" + tokens)) {
      assertTrue(daemon.line().startsWith("listening on 127.0.0.1:"));
      assertTrue(daemon.line().startsWith("listening on 0.0.0.0:"));
    }
  }

  @Test
  void hangUpHasEveryFileReadAgainChangedOrNot() throws Exception {
    Path tokens = Files.writeString(folder.resolve("tokens"), Tokens.create("ci").line() + "\n");
    Path policy = Files.writeString(folder.resolve("policy.yaml"), "rules: []\n");
    try (Daemon daemon = daemon("--tokens", "" + tokens, "--policy", "" + policy)) {
      assertTrue(daemon.line().startsWith("listening on "));
      hangUp(daemon);
      for (Path file : List.of(tokens, folder.resolve("server.crt"), policy)) {
        await(() -> daemon.log().contains("files taken up files=[" + file));
      }
      Files.writeString(policy, "rules: 5\n");
      hangUp(daemon);
      await(() -> daemon.log().contains("files of no use, all stays as it was files=[" + policy));
      assertTrue(daemon.process().isAlive());
    }
  }

  private static void hangUp(Daemon daemon) throws Exception {
    Process kill = new ProcessBuilder("kill", "-HUP", "" + daemon.process().pid()).start();
    assertEquals(0, kill.waitFor());
  }

  @Test
  void warnsOfACertificateThatHasExpired() throws Exception {
    Instant end = Instant.now().minus(Duration.ofHours(1)).truncatedTo(ChronoUnit.SECONDS);
    ca.issue(end, "dns:localhost").write(folder, "server");
    try (Daemon daemon = daemon("--insecure")) {
      assertTrue(daemon.line().startsWith("listening on "));
      String cause = folder.resolve("server.crt") + ": the certificate expired at " + end;
      assertTrue(daemon.log().contains("certificate out of date cause=" + cause), daemon.log());
    }
  }

  @Test
  void warnsOfACertificateThatExpiresSoon() throws Exception {
    Instant end = Instant.now().plus(Duration.ofMinutes(50)).truncatedTo(ChronoUnit.SECONDS);
    ca.issue(end, "dns:localhost").write(folder, "server");
    try (Daemon daemon = daemon("--insecure")) {
      assertTrue(daemon.line().startsWith("listening on "));
      String cause = folder.resolve("server.crt") + ": the certificate expires at " + end;
      assertTrue(daemon.log().contains("certificate expires soon cause=" + cause), daemon.log());
    }
  }

  @Test
  void warnsOfAKeyThatEveryUserCanRead() throws Exception {
    Path key = folder.resolve("server.key");
    for (String mode : List.of("rw-------", "rw-r-----", "rw-r--r--")) {
      Files.setPosixFilePermissions(key, PosixFilePermissions.fromString(mode));
      try (Daemon daemon = daemon("--insecure")) {
        assertTrue(daemon.line().startsWith("listening on "));
        String warning = "key can be read by every user of this machine file=" + key;
        assertEquals(mode.endsWith("r--"), daemon.log().contains(warning), daemon.log());
      }
    }
  }

  @Test
  void saysWhatIsMissingOrWrongWithItsFiles() throws Exception {
    String cert = "" + folder.resolve("server.crt");
    refuses(2, "TLS: --tls-key is missing", "--tls-cert", cert);
    refuses(2, "TLS: --tls-cert is missing", "--tls-client-ca", cert);
    refuses(1, "TLS: " + cert + ": no private key", "--tls-cert", cert, "--tls-key", cert);
    refuses(2, "--insecure", "--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", "x");
    Path file = Files.writeString(folder.resolve("r.yaml"), "tls:\n  cert: a\n  kay: b\n");
    refuses(
        1,
        file + ":3: tls.kay: unknown key (known: cert, client_ca, client_crl, key)",
        "--config",
        "" + file);
    Files.writeString(file, "tls: yes\n");
    refuses(1, file + ":1: tls: (expected: keys and values)", "--config", "" + file);
  }

  @Test
  void readsItsFilesFromItsSettings() throws Exception {
    Path file =
        Files.writeString(
            folder.resolve("r.yaml"),
            "listen: [\"127.0.0.1:0\"]\ntls:\n  cert: %1$s/server.crt\n  key: %1$s/server.key\n  client_ca: %1$s/ca.crt\n"
                .formatted(folder));
    ca.issue("spiffe://example/ci").write(folder, "client");
    try (Daemon daemon = Daemon.start("--config", "" + file)) {
      int port = daemon.port();
      TlsFiles ours =
          new TlsFiles(
              folder.resolve("ca.crt"), folder.resolve("client.crt"), folder.resolve("client.key"));
      assertTrue(ask(port, ours, "'type':'ping'").contains("\"pong\""));
      TlsFiles none = new TlsFiles(folder.resolve("ca.crt"), null, null);
      assertTrue(ask(port, none, hello("x")).contains("\"unauthenticated\""));
    }
  }

  @Test
  void takesUpTokensAndCertificatesThatChange() throws Exception {
    NewToken first = Tokens.create("ci");
    NewToken second = Tokens.create("ci");
    Path tokens = Files.writeString(folder.resolve("tokens"), first.line() + "\n");
    TlsFiles client = new TlsFiles(folder.resolve("ca.crt"), null, null);
    try (Daemon daemon = daemon("--tokens", "" + tokens, "--limit", "max_penalty_ms=0")) {
      int port = daemon.port();
      assertTrue(ask(port, client, hello(first.secret())).contains("\"features\""));
      X509Certificate shown = shown(port, client);

      Files.writeString(tokens, second.line() + "\n");
      await(() -> ask(port, client, hello(second.secret())).contains("\"features\""));
      assertTrue(ask(port, client, hello(first.secret())).contains("\"unauthenticated\""));

      ca.issue("dns:localhost").write(folder, "server");
      await(() -> !shown(port, client).equals(shown));

      // A mistake changes nothing, and is told.
      Files.writeString(tokens, "oops\n");
      Files.writeString(folder.resolve("server.key"), "oops\n");
      await(() -> daemon.log().lines().filter(line -> line.contains("of no use")).count() == 2);
      assertTrue(ask(port, client, hello(second.secret())).contains("\"features\""));
      assertFalse(daemon.log().contains("oops"), daemon.log());
      assertFalse(daemon.log().contains(second.secret()), daemon.log());
    }
  }

  @Test
  void hangupHasItLookAtOnce() throws Exception {
    NewToken first = Tokens.create("ci");
    Path tokens = Files.writeString(folder.resolve("tokens"), "");
    TlsFiles client = new TlsFiles(folder.resolve("ca.crt"), null, null);
    try (Daemon daemon = daemon("--tokens", "" + tokens, "--limit", "max_penalty_ms=0")) {
      int port = daemon.port();
      assertTrue(ask(port, client, hello(first.secret())).contains("\"unauthenticated\""));
      Files.writeString(tokens, first.line() + "\n");
      Process kill = new ProcessBuilder("kill", "-HUP", "" + daemon.process().pid()).start();
      assertEquals(0, kill.waitFor());
      await(() -> daemon.log().contains("files taken up"));
      assertTrue(ask(port, client, hello(first.secret())).contains("\"features\""));
      assertTrue(daemon.process().isAlive());
    }
  }

  private static void refuses(int exitCode, String words, String... arguments) throws Exception {
    try (Daemon daemon = Daemon.start(arguments)) {
      assertEquals(exitCode, daemon.exitCode(), daemon.log());
      assertTrue(daemon.log().contains(words), daemon.log());
    }
  }

  private static void await(Callable<Boolean> condition) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (!condition.call()) {
      assertTrue(System.nanoTime() < deadline, "never came true");
      LockSupport.parkNanos(50_000_000);
    }
  }

  private static String hello(String token) {
    return "'type':'hello','version':1,'token':'" + token + "'";
  }

  private static SSLSocket connect(int port, TlsFiles files) throws Exception {
    Socket plain = new Socket(InetAddress.getLoopbackAddress(), port);
    return (SSLSocket)
        files.context().getSocketFactory().createSocket(plain, "localhost", port, true);
  }

  private static X509Certificate shown(int port, TlsFiles files) throws Exception {
    try (SSLSocket socket = connect(port, files)) {
      return (X509Certificate) socket.getSession().getPeerCertificates()[0];
    }
  }

  /** The header of the answer to a request of these keys. */
  private static String ask(int port, TlsFiles files, String keys) throws Exception {
    try (RawClient client = new RawClient(connect(port, files))) {
      client.send(keys);
      return client.next().header().toString();
    }
  }
}
