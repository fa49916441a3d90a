package dev.runnel;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.security.identity.Tokens;
import dev.runnel.security.identity.Tokens.NewToken;
import dev.runnel.server.RawClient;
import dev.runnel.server.RawClient.Answer;
import dev.runnel.tls.TestCa;
import dev.runnel.tls.TlsFiles;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Frames over WebSockets, as bytes, to a daemon. PROTOCOL.md, "Over a WebSocket". */
@Tag("either")
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@SuppressWarnings("NullAway.Init") // Set before all tests.
class WebSocketTest {
  private static final int MAX_OF_SOURCE = 40;
  private static final int MAX_BODY = 131_072;

  @TempDir private static Path folder;
  private Daemon daemon;
  private NewToken token;
  private int framePort;
  private int port;
  private RawWebSocket silent;

  @BeforeAll
  void serve() throws Exception {
    token = Tokens.create("alice");
    Path config =
        Files.writeString(
            folder.resolve("config.yaml"),
            """
            limits:
              max_source_connections: %d
              hello_ms: 6000
              max_penalty_ms: 0
            """
                .formatted(MAX_OF_SOURCE));
    Path policy =
        Files.writeString(
            folder.resolve("policy.yaml"),
            """
            rules:
              - name: work
                principals: [alice]
                shell: true
              - name: all
                principals: [alice]
                commands: [["/bin/echo", "**"]]
            """);
    daemon =
        Daemon.start(
            "--config",
            "" + config,
            "--policy",
            "" + policy,
            "--audit",
            "" + folder.resolve("audit"),
            "--tokens",
            "" + Files.writeString(folder.resolve("tokens"), token.line() + "\n"),
            "--listen",
            "127.0.0.1:0",
            "--http",
            "127.0.0.1:0",
            "--http-origin",
            "https://ops.example");
    framePort = daemon.port();
    port = daemon.nextPort();
    silent = RawWebSocket.open(port);
    // Control messages give no time.
    silent.sendControl(RawWebSocket.PING, "");
  }

  @AfterAll
  void end() throws Exception {
    silent.close();
    daemon.close();
  }

  private String hello() {
    return "'type':'hello','id':'h','version':1,'token':'" + token.secret() + "'";
  }

  private RawClient client(RawWebSocket socket, int each) throws IOException {
    RawClient client = new RawClient(socket.input(), socket.output(each));
    client.send(hello());
    assertEquals("hello", client.next().type());
    return client;
  }

  private static byte[] joined(byte[]... all) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (byte[] each : all) {
      bytes.writeBytes(each);
    }
    return bytes.toByteArray();
  }

  private static String outputOf(RawClient client) throws IOException {
    StringBuilder output = new StringBuilder();
    for (Answer answer = client.next(); ; answer = client.next()) {
      output.append(answer.type().equals("output") ? new String(answer.body(), UTF_8) : "");
      if (answer.isFinal()) {
        assertEquals("exited", answer.text("outcome"), answer::toString);
        return output.toString();
      }
    }
  }

  @Test
  void boundariesOfMessagesMeanNothing() throws Exception {
    byte[] requests =
        joined(
            RawClient.frame(hello()),
            RawClient.frame("'id':'a'", "echo got"),
            RawClient.frame("'type':'ping','id':'b'"));
    for (int each : List.of(1, 2, 3, 125, 126, 65_536, requests.length)) {
      try (RawWebSocket socket = RawWebSocket.open(port)) {
        RawClient client = new RawClient(socket.input(), socket.output(each));
        client.send(requests);
        checkAnswers(client);
      }
    }
    try (RawWebSocket socket = RawWebSocket.open(port)) {
      RawClient client = new RawClient(socket.input(), OutputStream.nullOutputStream());
      client.send(requests);
      socket.sendInParts(requests, 50);
      checkAnswers(client);
      assertEquals("at 50", socket.pongs().getFirst());
    }
    // Whoever doesn't wait for the answer to the handshake.
    try (RawWebSocket socket = RawWebSocket.openSending(port, requests)) {
      RawClient client = new RawClient(socket.input(), OutputStream.nullOutputStream());
      client.send(requests);
      checkAnswers(client);
    }
  }

  private static void checkAnswers(RawClient client) throws IOException {
    List<String> finals = new ArrayList<>();
    while (finals.size() < 3) {
      Answer answer = client.next();
      if (answer.isFinal()) {
        finals.add(answer.type());
      }
    }
    assertEquals(List.of("end", "hello", "pong"), finals.stream().sorted().toList());
  }

  @Test
  void stdinAndOutputAreWholeInAnyMessages() throws Exception {
    byte[] input = new byte[1_000_000];
    for (int i = 0; i < input.length; i++) {
      input[i] = (byte) (i * 31 % 251);
    }
    for (int each : List.of(7_001, MAX_BODY * 4)) {
      try (RawWebSocket socket = RawWebSocket.open(port)) {
        RawClient client = client(socket, each);
        client.send("'id':'r','job':'echo-" + each + "','stdin':true", "cat");
        byte[] got = new byte[input.length];
        int sent = 0;
        int received = 0;
        while (true) {
          Answer answer = client.next();
          if (answer.type().equals("stdin_ack") && answer.number("offset") == sent) {
            int more = Math.min(65_536, input.length - sent);
            if (more > 0) {
              client.send(
                  RawClient.frame(
                      "'type':'stdin','job':'echo-"
                          + each
                          + "','offset':"
                          + sent
                          + (sent + more == input.length ? ",'eof':true" : ""),
                      Arrays.copyOfRange(input, sent, sent + more)));
              sent += more;
            }
          } else if (answer.type().equals("output")) {
            System.arraycopy(answer.body(), 0, got, received, answer.body().length);
            received += answer.body().length;
          } else if (answer.isFinal()) {
            assertEquals("exited", answer.text("outcome"), answer::toString);
            break;
          }
        }
        assertEquals(input.length, received);
        assertTrue(Arrays.equals(input, got));
      }
    }
  }

  @Test
  void whatIsNoBinaryMessageEndsTheConnectionWithACodeThatSaysWhy() throws Exception {
    try (RawWebSocket socket = RawWebSocket.open(port)) {
      RawClient client = client(socket, 1);
      socket.sendControl(RawWebSocket.TEXT, "ls");
      assertTrue(client.expectClose("bad_frame").text("message").contains("text"));
      assertEquals(1_003, socket.closeCode());
      assertEquals("binary messages only", socket.closeReason());
    }
    // Not masked; a reserved bit; an unknown kind; a ping in parts; one too long; no beginning; a
    // length that has a shorter form.
    for (int[] bytes :
        List.of(
            new int[] {0x82, 0x01, 0x00},
            new int[] {0xC2, 0x80, 0, 0, 0, 0},
            new int[] {0x83, 0x80, 0, 0, 0, 0},
            new int[] {0x09, 0x80, 0, 0, 0, 0},
            new int[] {0x89, 0xFE, 0, 126, 0, 0, 0, 0},
            new int[] {0x80, 0x80, 0, 0, 0, 0},
            new int[] {0x82, 0xFE, 0, 1, 0, 0, 0, 0, 0},
            new int[] {0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0})) {
      try (RawWebSocket socket = RawWebSocket.open(port)) {
        RawClient client = client(socket, 100);
        socket.sendRaw(bytes);
        var _ = client.expectClose("bad_frame");
        assertEquals(1_002, socket.closeCode(), "after " + bytes[0] + " " + bytes[1]);
      }
    }
  }

  @Test
  void limitsOfFramesAreThoseOfAnyConnection() throws Exception {
    try (RawWebSocket socket = RawWebSocket.open(port)) {
      RawClient client = client(socket, 1 << 20);
      client.send("'id':'a'", "true #" + "x".repeat(MAX_BODY - 7));
      assertEquals("", outputOf(client));
      socket.send(new byte[] {0, 0, 2, 0}, 4);
      var _ = client.expectClose("header_too_large");
      assertEquals(1_000, socket.closeCode());
    }
    try (RawWebSocket socket = RawWebSocket.open(port)) {
      RawClient client = client(socket, 1 << 20);
      byte[] header = "{\"total_size\":131073}".getBytes(UTF_8);
      socket.send(joined(new byte[] {(byte) header.length, 0, 0, 0}, header), 1);
      var _ = client.expectClose("body_too_large");
    }
    // Of a stranger's there is less.
    try (RawWebSocket socket = RawWebSocket.open(port)) {
      RawClient stranger = new RawClient(socket.input(), socket.output(1 << 20));
      stranger.send("'x-a':'" + "x".repeat(5_000) + "'");
      var _ = stranger.expectClose("header_too_large");
    }
  }

  @Test
  void whoIsNotKnownIsNotServedAndHasLittleTime() throws Exception {
    try (RawWebSocket socket = RawWebSocket.open(port)) {
      RawClient stranger = new RawClient(socket.input(), socket.output(100));
      stranger.send("'type':'ping','id':'a'");
      var _ = stranger.expectClose("unauthenticated");
    }
    try (RawWebSocket socket = RawWebSocket.open(port)) {
      RawClient stranger = new RawClient(socket.input(), socket.output(100));
      stranger.send("'type':'hello','id':'h','version':1,'token':'" + "x".repeat(43) + "'");
      var _ = stranger.expectClose("unauthenticated");
    }
    // A token in the handshake is none.
    try (RawWebSocket socket = RawWebSocket.open(port, "Authorization: Bearer " + token.secret())) {
      RawClient stranger = new RawClient(socket.input(), socket.output(100));
      stranger.send("'type':'ping','id':'a'");
      var _ = stranger.expectClose("unauthenticated");
    }
    var _ = new RawClient(silent.input(), silent.output(100)).expectClose("too_slow");
    awaitAudit("\"event\":\"unauthenticated\"", "\"via\":\"ws\"");
  }

  private static void awaitAudit(String... words) throws IOException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (Files.readAllLines(folder.resolve("audit")).stream()
        .noneMatch(line -> List.of(words).stream().allMatch(line::contains))) {
      assertTrue(System.nanoTime() < deadline, Files.readString(folder.resolve("audit")));
      LockSupport.parkNanos(10_000_000);
    }
  }

  @Test
  void policyAppliesAndTheAuditNamesTheWayIn() throws Exception {
    try (RawWebSocket socket = RawWebSocket.open(port)) {
      RawClient client = client(socket, 100);
      assertEquals("forbidden", client.ask("'job':'no','argv':['/bin/cat']").text("code"));
      assertEquals("end", client.ask("'job':'yes','argv':['/bin/echo','x']").type());
    }
    awaitAudit("\"event\":\"denied\"", "\"principal\":\"alice\"", "\"via\":\"ws\"", "\"no\"");
    awaitAudit("\"event\":\"start\"", "\"source\":\"127.0.0.1\"", "\"via\":\"ws\"", "\"yes\"");
  }

  private static String answer(int port, String... headers) throws IOException {
    try (Socket socket = RawWebSocket.connect(port)) {
      socket.getOutputStream().write(RawWebSocket.handshake(headers));
      return new String(socket.getInputStream().readNBytes(12), ISO_8859_1).substring(9);
    }
  }

  @Test
  void pagesConnectThatAreFromTheServerOrListed() throws Exception {
    String host = "Host: runnel.example:7867";
    assertEquals("101", answer(port, host, "Origin: http://runnel.example:7867"));
    assertEquals("101", answer(port, host, "Origin: https://OPS.example"));
    assertEquals("101", answer(port, host, "Origin: https://ops.example:443"));
    assertEquals("101", answer(port, host));
    // Behind a proxy with TLS that says which host was asked.
    assertEquals("101", answer(port, "Host: runnel.example", "Origin: https://runnel.example"));
    for (String other :
        List.of(
            "http://evil.example:7867",
            "http://runnel.example",
            "http://ops.example",
            "https://ops.example.evil.example",
            "null",
            "")) {
      assertEquals("403", answer(port, host, "Origin: " + other), other);
    }
    assertEquals(
        "403", answer(port, host, "Origin: https://ops.example", "Origin: http://evil.example"));
    assertEquals("403", answer(port, "Host: a", "Host: b", "Origin: http://a"));
  }

  @Test
  void whereNoTokenIsNeededNoPageOfANameConnects() throws Exception {
    try (Daemon open =
        Daemon.start(
            "--listen",
            "127.0.0.1:0",
            "--insecure",
            "--http",
            "127.0.0.1:0",
            "--http-origin",
            "http://ops.example:8080",
            "--shutdown-grace",
            "10ms")) {
      var _ = open.port();
      int http = open.nextPort();
      assertEquals("403", answer(http, "Host: evil.example:1", "Origin: http://evil.example:1"));
      assertEquals("101", answer(http, "Host: evil.example:1", "Origin: http://ops.example:8080"));
      assertEquals("101", answer(http, "Host: 127.0.0.1:1", "Origin: http://127.0.0.1:1"));
      assertEquals("101", answer(http, "Host: [::1]:1", "Origin: http://[::1]:1"));
      assertEquals("101", answer(http, "Host: localhost:1", "Origin: http://localhost:1"));
      // A client hears how its job ended when the server goes.
      try (RawWebSocket socket = RawWebSocket.open(http)) {
        RawClient client = new RawClient(socket.input(), socket.output(100));
        client.send("'id':'r','argv':['sleep','1000']");
        assertEquals("started", client.next().type());
        open.process().destroy();
        assertEquals("shutdown", client.next().text("outcome"));
        assertEquals(-1, socket.input().read());
        assertEquals(1_000, socket.closeCode());
      }
      assertEquals(0, open.exitCode());
    }
  }

  @Test
  void withoutTokensAndWithoutInsecureNothingRunsThere() throws Exception {
    Path socket = folder.resolve("s");
    try (Daemon closed = Daemon.start("--listen", "unix:" + socket, "--http", "127.0.0.1:0")) {
      var _ = closed.line();
      assertEquals("403", answer(closed.nextPort()));
    }
  }

  @Test
  void certificateIsAPrincipalAsOnAnyListener() throws Exception {
    TestCa ca = new TestCa("ca");
    Files.writeString(folder.resolve("ca.crt"), ca.cert());
    ca.issue("dns:localhost").write(folder, "server");
    ca.issue("dns:build-1").write(folder, "known");
    Path audit = folder.resolve("audit-tls");
    try (Daemon secure =
        Daemon.start(
            "--listen",
            "127.0.0.1:0",
            "--tls-cert",
            "" + folder.resolve("server.crt"),
            "--tls-key",
            "" + folder.resolve("server.key"),
            "--tls-client-ca",
            "" + folder.resolve("ca.crt"),
            "--audit",
            "" + audit,
            "--http",
            "127.0.0.1:0")) {
      var _ = secure.port();
      int http = secure.nextPort();
      try (RawWebSocket socket = RawWebSocket.open(overTls(http, "known"))) {
        RawClient client = new RawClient(socket.input(), socket.output(100));
        assertEquals("end", client.ask("'job':'t','argv':['true']").type());
        assertEquals("dns:build-1", client.ask("'type':'status','job':'t'").text("principal"));
      }
      assertTrue(Files.readString(audit).contains("\"via\":\"wss\""), Files.readString(audit));
      try (RawWebSocket socket = RawWebSocket.open(overTls(http, ""))) {
        RawClient stranger = new RawClient(socket.input(), socket.output(100));
        stranger.send("'type':'ping'");
        var _ = stranger.expectClose("unauthenticated");
      }
    }
  }

  private static Socket overTls(int port, String own) throws Exception {
    TlsFiles files =
        own.isEmpty()
            ? new TlsFiles(folder.resolve("ca.crt"), null, null)
            : new TlsFiles(
                folder.resolve("ca.crt"),
                folder.resolve(own + ".crt"),
                folder.resolve(own + ".key"));
    return files
        .context()
        .getSocketFactory()
        .createSocket(RawWebSocket.connect(port), "localhost", port, true);
  }

  @Test
  void connectionsOfASourceAreCountedWhateverTheyAre() throws Exception {
    List<AutoCloseable> open = new ArrayList<>();
    try {
      // More than the HTTP listener has places for, which they need no longer.
      for (int i = 0; i < MAX_OF_SOURCE - 2; i++) {
        open.add(client(RawWebSocket.open(port), 100));
      }
      for (int i = 0; i < 2; i++) {
        RawClient client = new RawClient(framePort);
        open.add(client);
        client.send(hello());
        assertEquals("hello", client.next().type());
      }
      RawClient overTcp = new RawClient(framePort);
      open.add(overTcp);
      overTcp.send(hello());
      var _ = overTcp.expectClose("too_many_connections");
      try (RawWebSocket socket = RawWebSocket.open(port)) {
        RawClient overWebSocket = new RawClient(socket.input(), socket.output(100));
        overWebSocket.send(hello());
        var _ = overWebSocket.expectClose("too_many_connections");
      }
    } finally {
      for (AutoCloseable each : open) {
        each.close();
      }
    }
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (!isLetIn()) {
      assertTrue(System.nanoTime() < deadline, "places are not given back");
    }
  }

  private boolean isLetIn() throws IOException {
    try (RawClient client = new RawClient(framePort)) {
      client.send(hello());
      return client.next().type().equals("hello");
    }
  }

  @Test
  void whoNeverReadsHoldsBackItsOwnCommandAndNobodyElse() throws Exception {
    int bytes = 200_000_000;
    try (RawWebSocket deaf = RawWebSocket.open(port);
        RawClient other = new RawClient(framePort)) {
      RawClient client = client(deaf, 1_000);
      other.send(hello());
      assertEquals("hello", other.next().type());
      client.send("'id':'r','job':'deaf'", "head -c " + bytes + " /dev/zero");
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
      while (outputOfDeaf(other) < 1 << 20) {
        assertTrue(System.nanoTime() < deadline, "nothing comes of it");
        LockSupport.parkNanos(10_000_000);
      }
      // Each is answered at some time, if it reads; and not at once.
      for (int i = 0; i < 5_000; i++) {
        deaf.sendControl(RawWebSocket.PING, "x".repeat(100) + i);
      }
      for (int i = 0; i < 20; i++) {
        assertEquals("end", other.ask("'argv':['/bin/echo','x']").type());
      }
      long held = outputOfDeaf(other);
      assertTrue(held < bytes / 4, held + " bytes were read from its command");
      assertEquals("ok", other.ask("'type':'cancel','job':'deaf','grace_ms':0").type());
      Answer last = client.next();
      while (!last.isFinal()) {
        last = client.next();
      }
      assertEquals("canceled", last.text("outcome"));
      client.send("'type':'ping','id':'p'");
      assertEquals("pong", client.next().type());
      assertTrue(deaf.pongs().getLast().endsWith("x4999"), "the last ping was not answered");
      assertTrue(deaf.pongs().size() < 5_000, "each ping was answered");
    }
  }

  private static long outputOfDeaf(RawClient other) throws IOException {
    return other.ask("'type':'status','job':'deaf'").number("output_bytes");
  }

  @Test
  void requestThatIsNoHandshakeIsAnsweredAsARequest() throws Exception {
    assertEquals("426", status("GET /v1/frames HTTP/1.1\r\nHost: x\r\n\r\n"));
    String upgrade =
        "GET /v1/frames HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
    assertEquals("426", status(upgrade + "Sec-WebSocket-Version: 8\r\n\r\n"));
    assertEquals("400", status(upgrade + "Sec-WebSocket-Version: 13\r\n\r\n"));
    assertEquals(
        "400",
        status(upgrade + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c2hvcnQ=\r\n\r\n"));
    assertThrows(IOException.class, () -> RawWebSocket.open(port, "Origin: http://evil.example"));
  }

  private String status(String request) throws IOException {
    try (Socket socket = RawWebSocket.connect(port)) {
      socket.getOutputStream().write(request.getBytes(ISO_8859_1));
      return new String(socket.getInputStream().readNBytes(12), ISO_8859_1).substring(9);
    }
  }
}
