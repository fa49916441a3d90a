package dev.runnel.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.runnel.ClientProcess;
import dev.runnel.Daemon;
import dev.runnel.security.identity.Tokens;
import dev.runnel.security.identity.Tokens.NewToken;
import dev.runnel.tls.TestCa;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code exec} through TLS, and hosts that have a name. */
@NullMarked
@SuppressWarnings("NullAway.Init") // Made before any test.
@Tag("slow")
class TlsExecTest {
  private static final NewToken TOKEN = Tokens.create("ci");

  @TempDir static Path folder;
  private static Daemon daemon;
  private static int port;
  private static TestCa.Issued nameless;

  private final Client client = new Client();

  @BeforeAll
  static void serve() throws Exception {
    TestCa ca = new TestCa("ca");
    Files.writeString(folder.resolve("ca.crt"), ca.cert());
    Files.writeString(folder.resolve("other.crt"), new TestCa("other").cert());
    ca.issue("dns:build.example", "ip:127.0.0.1").write(folder, "server");
    ca.issue("spiffe://example/bot").write(folder, "client");
    nameless = ca.issue();
    Path secret = Files.writeString(folder.resolve("secret"), TOKEN.secret() + "\n");
    Files.setPosixFilePermissions(secret, PosixFilePermissions.fromString("rw-------"));
    Files.writeString(folder.resolve("tokens"), TOKEN.line() + "\n");
    daemon = start();
    port = daemon.port();
  }

  private static Daemon start() throws IOException {
    List<String> arguments = new ArrayList<>(List.of("--listen", "127.0.0.1:0"));
    for (String name :
        List.of(
            "tokens=tokens", "tls-cert=server.crt", "tls-key=server.key", "tls-client-ca=ca.crt")) {
      String[] parts = name.split("=", 2);
      arguments.add("--" + parts[0]);
      arguments.add(file(parts[1]));
    }
    arguments.addAll(List.of("--limit", "max_penalty_ms=0"));
    return Daemon.start(arguments.toArray(String[]::new));
  }

  @AfterAll
  static void stop() throws Exception {
    daemon.close();
  }

  private static String file(String name) {
    return folder.resolve(name).toString();
  }

  private int exec(String host, String... words) {
    List<String> all = new ArrayList<>(List.of("exec", "-n", "-H", host));
    all.addAll(List.of(words));
    return client.run(all.toArray(String[]::new));
  }

  @Test
  void tokenAndOutputGoThroughTls() {
    String host = "127.0.0.1:" + port;
    int code =
        exec(host, "--ca", file("ca.crt"), "--token-file", file("secret"), "-c", "echo in; exit 3");
    assertEquals(3, code, client.err());
    assertEquals("in\n", client.out());
  }

  @Test
  void howItIsProtectedIsToldIfAsked() {
    String host = "127.0.0.1:" + port;
    String[] words = {"--ca", file("ca.crt"), "--token-file", file("secret"), "-v", "true"};
    assertEquals(0, exec(host, words), client.err());
    assertTrue(client.err().contains("runnel: token: " + file("secret") + "\n"), client.err());
    assertTrue(
        client.err().matches("(?s).*, TLSv1\\.3 TLS_\\w+, certificate of .+ by .+ until .+Z\n"),
        client.err());
    assertFalse(client.err().contains(TOKEN.secret()), client.err());
  }

  @Test
  void aKeyThatEveryUserCanReadIsWarnedOf() throws Exception {
    Path key = Files.copy(folder.resolve("client.key"), folder.resolve("open.key"));
    Files.setPosixFilePermissions(key, PosixFilePermissions.fromString("rw-r--r--"));
    String[] words = {"--ca", file("ca.crt"), "--cert", file("client.crt"), "--key", "" + key};
    List<String> all = new ArrayList<>(List.of(words));
    all.add("true");
    assertEquals(0, exec("127.0.0.1:" + port, all.toArray(String[]::new)), client.err());
    assertEquals(
        "runnel: warning: every user of this machine can read "
            + key
            + " (chmod 600 takes that away)\n",
        client.err());
  }

  @Test
  void certificateIsEnough() {
    Map<String, String> env =
        Map.of(
            "RUNNEL_TLS", "true",
            "RUNNEL_CA", file("ca.crt"),
            "RUNNEL_CERT", file("client.crt"),
            "RUNNEL_KEY", file("client.key"));
    assertEquals(0, client.env(env).run("jobs", "-H", "127.0.0.1:" + port), client.err());
  }

  @Test
  void muchGoesBothWays() throws Exception {
    byte[] bytes = new byte[3_000_000];
    new Random(7).nextBytes(bytes);
    Path in = Files.write(folder.resolve("in"), bytes);
    try (var channel = Files.newByteChannel(in)) {
      int code =
          client
              .stdin(channel)
              .run(
                  "exec",
                  "-H",
                  "127.0.0.1:" + port,
                  "--ca",
                  file("ca.crt"),
                  "--token-file",
                  file("secret"),
                  "--",
                  "sha256sum");
      assertEquals(0, code, client.err());
    }
    byte[] digest = java.security.MessageDigest.getInstance("SHA-256").digest(bytes);
    String expected = java.util.HexFormat.of().formatHex(digest);
    assertEquals(expected + "  -\n", client.out());
    Client other = new Client();
    assertEquals(
        0,
        other.run(
            "exec",
            "-n",
            "-H",
            "127.0.0.1:" + port,
            "--ca",
            file("ca.crt"),
            "--token-file",
            file("secret"),
            "-c",
            "head -c 5000000 /dev/zero | tr '\\0' x"),
        other.err());
    assertEquals("x".repeat(5_000_000), other.out());
  }

  /** Usually after 137 GB; in a JVM of its own, which reads the limit once. */
  @Test
  void keysAreRenewedOnTheWay() throws Exception {
    Path limits = folder.resolve("limits");
    Files.writeString(limits, "jdk.tls.keyLimits=AES/GCM/NoPadding KeyUpdate 2^20\n");
    List<String> words = new ArrayList<>();
    words.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    words.addAll(List.of("-cp", System.getProperty("java.class.path")));
    words.addAll(List.of("-Djava.security.properties=" + limits, "dev.runnel.Main"));
    words.addAll(List.of("exec", "-H", "127.0.0.1:" + port, "--ca", file("ca.crt")));
    words.addAll(List.of("--token-file", file("secret"), "--", "cat"));
    byte[] bytes = new byte[8 << 20];
    new Random(8).nextBytes(bytes);
    Path in = Files.write(folder.resolve("renewed-in"), bytes);
    Path out = folder.resolve("renewed-out");
    Process exec =
        new ProcessBuilder(words)
            .redirectInput(in.toFile())
            .redirectOutput(out.toFile())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    assertEquals(0, exec.waitFor());
    assertEquals(-1, Files.mismatch(in, out));
  }

  @Test
  void namedHostNeedsNothingElse() throws Exception {
    Map<String, String> env =
        config(
            """
            # ours
            hosts:
              other:
                host: unix:/nowhere
              prod-1:
                host: 127.0.0.1:%d
                tls: true
                tls_name: "build.example" # as its certificate has it
                ca: ../../ca.crt
                token_file: '%s'
            """
                .formatted(port, file("secret")));
    client.env(env);
    assertEquals(0, exec("prod-1", "--", "echo", "hi"), client.err());
    assertEquals("hi\n", client.out());
    Client preset = new Client();
    Map<String, String> more = new java.util.HashMap<>(env);
    more.put("RUNNEL_HOST", "prod-1");
    assertEquals(0, preset.env(more).run("exec", "-n", "--", "true"), preset.err());
  }

  private static Map<String, String> config(String text) throws IOException {
    Path file = folder.resolve("config/runnel/config.yaml");
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
    return Map.of("XDG_CONFIG_HOME", file("config"), "XDG_RUNTIME_DIR", Client.NOWHERE);
  }

  @Test
  void serverThatIsNotTrustedGetsNoToken() {
    String host = "127.0.0.1:" + port;
    String[] token = {"--token-file", file("secret"), "--", "true"};
    assertEquals(255, exec(host, with(token, "--tls")));
    assertEquals(255, exec(host, with(token, "--ca", file("other.crt"))));
    assertEquals(
        """
        runnel: cannot reach %1$s by TLS: its certificate is of no CA in the JDK's list or the system's (give --ca FILE)
        runnel: cannot reach %1$s by TLS: its certificate is of no CA in --ca's
        """
            .formatted(host),
        client.err());
  }

  @Test
  void certificateHasToBeTheHosts() {
    String host = "127.0.0.1:" + port;
    String[] rest = {"--ca", file("ca.crt"), "--token-file", file("secret"), "--", "true"};
    assertEquals(0, exec(host, with(rest, "--tls-name", "build.example")), client.err());
    assertEquals(255, exec(host, with(rest, "--tls-name", "prod.example")));
    assertTrue(client.err().contains("by TLS: "), client.err());
    assertTrue(
        client
            .err()
            .endsWith(
                "its certificate is not for prod.example but for build.example, 127.0.0.1"
                    + " (--tls-name NAME says which to expect)\n"),
        client.err());
  }

  /** A server whose certificate is that, and what a client says of it. */
  private String refused(TestCa.Issued issued, String name) throws Exception {
    issued.write(folder, name);
    try (Daemon other =
        Daemon.start(
            "--listen",
            "127.0.0.1:0",
            "--insecure",
            "--tls-cert",
            file(name + ".crt"),
            "--tls-key",
            file(name + ".key"))) {
      Client one = new Client();
      String host = "127.0.0.1:" + other.port();
      assertEquals(255, one.run("exec", "-n", "-H", host, "--ca", file(name + ".ca"), "true"));
      return one.err().replace("runnel: cannot reach " + host + " by TLS: ", "");
    }
  }

  @Test
  void certificateThatHasExpiredIsSaidToHave() throws Exception {
    TestCa ca = new TestCa("past");
    Files.writeString(folder.resolve("past.ca"), ca.cert());
    Instant end = Instant.now().minus(Duration.ofHours(1)).truncatedTo(ChronoUnit.SECONDS);
    assertEquals(
        "its certificate expired at " + end + "\n", refused(ca.issue(end, "ip:127.0.0.1"), "past"));
  }

  @Test
  void certificateWithoutANameIsSaidToHaveNone() throws Exception {
    TestCa ca = new TestCa("bare");
    Files.writeString(folder.resolve("bare.ca"), ca.cert());
    assertEquals(
        "its certificate has no DNS name or address, as 127.0.0.1 (a CN does not count)\n",
        refused(ca.issue(), "bare"));
  }

  @Test
  void clientsCertificateWithoutANameIsSaidToHaveNone() throws Exception {
    nameless.write(folder, "nameless");
    String host = "127.0.0.1:" + port;
    String[] key = {"--key", file("nameless.key"), "true"};
    assertEquals(
        255, exec(host, with(key, "--ca", file("ca.crt"), "--cert", file("nameless.crt"))));
    assertTrue(
        client.err().contains("token: missing, and the certificate has no DNS name or URI"),
        client.err());
  }

  /** The system's list is that of SSL_CERT_FILE, as for OpenSSL. */
  @Test
  void casOfTheSystemAreTrusted() throws Exception {
    for (String[] of : new String[][] {{"ca.crt", "0"}, {"other.crt", "255"}}) {
      ProcessBuilder exec =
          new ProcessBuilder(
              ClientProcess.command(
                  "exec",
                  "-n",
                  "-H",
                  "127.0.0.1:" + port,
                  "--tls",
                  "--token-file",
                  file("secret"),
                  "true"));
      exec.environment().put("SSL_CERT_FILE", file(of[0]));
      exec.redirectError(folder.resolve("err").toFile());
      assertEquals(
          Integer.parseInt(of[1]), exec.start().waitFor(), Files.readString(folder.resolve("err")));
    }
  }

  private static String[] with(String[] rest, String... first) {
    List<String> all = new ArrayList<>(List.of(first));
    all.addAll(List.of(rest));
    return all.toArray(String[]::new);
  }

  @Test
  void benchGoesNowhereInClearWithATokenNorWhereTlsIsMeant() {
    assertEquals(
        "runnel: the token would go to 192.0.2.1:7866 in clear (expected: --tls, or no token) (see"
            + " runnel bench --help)\n",
        bench(Map.of("RUNNEL_TOKEN", "s3cret"), "192.0.2.1:7866"));
    assertEquals(
        "runnel: bench measures without TLS only, and 127.0.0.1:1 is meant to be reached by it"
            + " (expected: a Unix socket, or a server on this machine without TLS) (see runnel bench"
            + " --help)\n",
        bench(Map.of("RUNNEL_TLS", "true"), "127.0.0.1:1"));
  }

  private static String bench(Map<String, String> environment, String host) {
    Client bench = new Client().env(environment);
    Cli entry =
        new Cli(
            bench.surroundings(), _ -> BenchEntry.definition(order -> fail("measured: " + order)));
    assertEquals(2, entry.run(CommandLine.of("bench", "-H", host)));
    return bench.err();
  }

  @Test
  void tokenIsNotSentInClearToAnotherMachine() {
    for (String host : List.of("192.0.2.1", "[2001:db8::1]:7866")) {
      assertEquals(255, exec(host, "--token-file", file("secret"), "--", "true"));
    }
    Client other = new Client().env(Map.of("RUNNEL_TOKEN", "s3cret"));
    assertEquals(2, other.run("ping", "-H", "192.0.2.1:7866"));
    assertEquals(
        "runnel: the token would go to 192.0.2.1:7866 in clear (expected: --tls, or no token) (see"
            + " runnel ping --help)\n",
        other.err());
    assertTrue(client.err().contains("[2001:db8::1]:7866 in clear"), client.err());
    assertFalse((client.err() + other.err()).contains("s3cret"));
  }

  @Test
  void serverWithoutTlsIsNamedSo() throws Exception {
    try (Daemon plain = Daemon.start("--listen", "127.0.0.1:0", "--insecure")) {
      String host = "127.0.0.1:" + plain.port();
      assertEquals(255, exec(host, "--ca", file("ca.crt"), "--", "true"));
      assertEquals(
          "runnel: cannot reach " + host + " by TLS: it speaks no TLS there\n", client.err());
    }
  }

  @Test
  void silentServerIsGivenUpWithinTheTime() throws Exception {
    try (ServerSocket silent = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
      String host = "127.0.0.1:" + silent.getLocalPort();
      assertEquals(255, exec(host, "--tls", "--connect-timeout", "200ms", "--", "true"));
      assertTrue(client.err().contains("within"), client.err());
    }
  }

  @Test
  void serverThatDiesIsAFailure() throws Exception {
    try (Daemon dying = start()) {
      String host = "127.0.0.1:" + dying.port();
      CompletableFuture<Integer> code =
          CompletableFuture.supplyAsync(
              () ->
                  exec(
                      host,
                      "--ca",
                      file("ca.crt"),
                      "--token-file",
                      file("secret"),
                      "--linger",
                      "1s",
                      "-c",
                      "echo here; exec sleep 100"));
      client.awaitOut("here");
      var _ = dying.process().destroyForcibly();
      assertEquals(255, code.get(30, TimeUnit.SECONDS));
      assertTrue(client.err().contains("lost"), client.err());
    }
  }

  @Test
  void filesThatAreOfNoUseAreNamed() {
    String host = "127.0.0.1:" + port;
    assertEquals(255, exec(host, "--ca", file("none"), "--", "true"));
    assertEquals(255, exec(host, "--cert", file("client.crt"), "--", "true"));
    assertEquals(255, exec(host, "--cert", file("ca.crt"), "--key", file("ca.crt"), "--", "true"));
    assertTrue(client.err().contains("TLS: " + file("none") + ": no such file"), client.err());
    assertTrue(client.err().contains("--key: missing"), client.err());
    assertTrue(client.err().contains("no private key in it"), client.err());
  }

  @Test
  void mistakesInTheFileNameItAndTheLine() throws Exception {
    String[][] mistakes = {
      {"host:\n  a:\n", ":1: host: unknown key (known: hosts)"},
      {"hosts:\n  a:\n    hots: b\n", ":3: hots: unknown key (known: ca, cert, cwd, env, host,"},
      {"hosts:\n  a:\n    host: b\n    host: c\n", ":4: host: a second time"},
      {"hosts:\n  a:\n    host: b\n  a:\n", ":4: hosts.a: a second time"},
      {"hosts:\n  a:\n    host: b\n   tls: true\n", ":4: tls: not in line with what is above it"},
      {"hosts:\n\ta:\n", ":2: a tab (expected: spaces)"},
      {"hosts: {a: b}\n", ":1: hosts: (expected: names of hosts"},
      {"hosts:\n  a:\n    host: [x]\n", ":3: host: (expected: a value on the same line"},
      {"hosts:\n  a:\n    host:\n", ":3: host: (expected: a value on the same line"},
      {"hosts:\n  - a\n", ":2: expected: KEY: VALUE"},
      {"hosts:\n  a:\n    tls: true\n", ": hosts.a: host is missing"},
    };
    for (String[] mistake : mistakes) {
      Client one = new Client().env(config(mistake[0]));
      assertEquals(255, one.run("exec", "-n", "-H", "a", "--", "true"));
      assertTrue(one.err().contains("config.yaml" + mistake[1]), mistake[0] + one.err());
    }
    Client one = new Client().env(config("hosts:\n  a:\n    host: b:c\n"));
    assertEquals(2, one.run("ping", "-H", "a"));
    assertTrue(one.err().contains("config.yaml: host: port c (expected:"), one.err());
    Client two = new Client().env(config("hosts:\n  a:\n    host: b\n    tls: yes\n"));
    assertEquals(2, two.run("ping", "-H", "a"));
    assertTrue(two.err().contains("config.yaml: tls: yes (expected: true or false)"), two.err());
  }

  @Test
  void fileMayBeginWithAByteOrderMark() throws Exception {
    client.env(config("\uFEFFhosts:\n  a:\n    host: unix:/nowhere/x\n"));
    assertEquals(255, exec("a", "true"));
    assertTrue(client.err().contains("cannot reach unix:/nowhere/x"), client.err());
  }

  @Test
  void hostTakenForTheCommandIsRecognized() throws Exception {
    Map<String, String> env = config("hosts:\n  prod-1:\n    host: unix:/nowhere/x\n");
    assertEquals(127, client.env(env).run("exec", "-n", "prod-1", "uptime"));
    assertTrue(
        client
            .err()
            .endsWith(
                "; prod-1 is a host of " + file("config/runnel/config.yaml") + ": -H prod-1\n"),
        client.err());
  }

  @Test
  void nameThatIsNoHostLeadsToTheFile() throws Exception {
    ProcessBuilder ping = new ProcessBuilder(ClientProcess.command("ping", "-H", "prod-2"));
    ping.environment().putAll(config("hosts:\n  prod-1:\n    host: unix:/nowhere/x\n"));
    Process process = ping.start();
    String err = new String(process.getErrorStream().readAllBytes(), UTF_8);
    assertEquals(255, process.waitFor());
    assertEquals(
        "runnel: cannot reach prod-2:7866: no such host, nor is it in "
            + file("config/runnel/config.yaml")
            + "\n",
        err);
  }

  @Test
  void fileIsNotLookedAtForAnAddress() throws Exception {
    client.env(config("nonsense"));
    for (String host : List.of("127.0.0.1:1", "[::1]:1", "unix:/nowhere/x")) {
      assertEquals(255, exec(host, "--", "true"));
    }
    assertFalse(client.err().contains("config.yaml"), client.err());
    assertArrayEquals(new byte[0], client.out().getBytes(java.nio.charset.StandardCharsets.UTF_8));
  }
}
