package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.runnel.job.JobLimits;
import dev.runnel.job.LogMemory;
import dev.runnel.security.AccessControl;
import dev.runnel.security.audit.AuditLog;
import dev.runnel.security.audit.AuditLog.Options;
import dev.runnel.security.audit.AuditSink;
import dev.runnel.security.identity.CidrList;
import dev.runnel.security.identity.Tokens;
import dev.runnel.security.identity.Tokens.NewToken;
import dev.runnel.security.identity.UnauthenticatedLimiter;
import dev.runnel.security.policy.Policy;
import dev.runnel.security.quota.Quotas;
import dev.runnel.server.RawClient.Answer;
import dev.runnel.tls.ServerTls;
import dev.runnel.tls.TestCa;
import dev.runnel.tls.TlsFiles;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a node writes down of what it is asked, over real sockets. SECURITY.md, "The audit". */
@Tag("slow")
class AuditTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final NewToken ALICE = Tokens.create("alice");
  private static final NewToken MALLORY = Tokens.create("mallory");
  private static final Options OPTIONS =
      new Options(Options.Arguments.DIGEST, Options.OnFailure.REFUSE);

  private final Lines lines = new Lines();

  /** Keeps lines in order; refuses them, or hangs, while it is told to. */
  private static final class Lines implements AuditSink {
    private final List<JsonNode> all = new ArrayList<>();
    private boolean refusing;
    private volatile CountDownLatch answering = new CountDownLatch(0);

    @Override
    public void write(byte[] bytes) throws IOException {
      try {
        answering.await();
      } catch (InterruptedException e) {
        throw new InterruptedIOException(e.getMessage());
      }
      add(bytes);
    }

    void hang() {
      answering = new CountDownLatch(1);
    }

    void answer() {
      answering.countDown();
    }

    private synchronized void add(byte[] bytes) throws IOException {
      if (refusing) {
        throw new IOException("No space left on device");
      }
      for (String line : new String(bytes, StandardCharsets.UTF_8).lines().toList()) {
        all.add(JSON.readTree(line));
      }
    }

    synchronized void refuse(boolean now) {
      refusing = now;
    }

    synchronized List<JsonNode> of(String job) {
      return all.stream().filter(line -> line.path("job").asText().equals(job)).toList();
    }

    synchronized List<JsonNode> ofEvent(String event) {
      return all.stream().filter(line -> line.path("event").asText().equals(event)).toList();
    }

    /** Of the last line of an event, once there are so many. */
    String last(String event, int count, String key) throws Exception {
      try {
        Until.holds("line " + count + " of " + event, () -> ofEvent(event).size() == count);
      } catch (AssertionError e) {
        throw new AssertionError("lines: " + ofEvent(event), e);
      }
      JsonNode line = ofEvent(event).getLast();
      assertEquals("127.0.0.1", line.path("source").asText());
      return line.path("via").asText() + ": " + line.path(key).asText();
    }

    List<String> events(String job) {
      return of(job).stream().map(line -> line.path("event").asText()).toList();
    }

    @Override
    public void close() {}
  }

  private TestNode node(AuditLog audit) throws Exception {
    Tokens tokens = Tokens.parse(List.of(ALICE.line(), MALLORY.line()));
    return new TestNode(
        ServerLimits.DEFAULT,
        JobLimits.DEFAULT,
        new LogMemory(64L << 20, 100),
        new Authentication.ByToken(tokens),
        new AccessControl(Policy.NONE, audit, Quotas.none()));
  }

  private static RawClient as(NewToken token, TestNode node) throws IOException {
    RawClient client = node.connect();
    client.ask("'type':'hello','version':1,'token':'" + token.secret() + "'");
    return client;
  }

  @Test
  void everyStartActDenialAndEndHasItsLine() throws Exception {
    try (AuditLog audit = new AuditLog(lines, OPTIONS);
        TestNode node = node(audit);
        RawClient alice = as(ALICE, node);
        RawClient mallory = as(MALLORY, node)) {
      alice.send("'id':'r','job':'a-1'", "echo s3cret; exec sleep 100");
      assertEquals("s3cret\n", alice.output(7));
      for (String verb : List.of("'type':'cancel'", "'type':'signal','signal':'KILL'")) {
        assertEquals("unknown_job", mallory.ask(verb + ",'job':'a-1'").text("code"));
      }
      alice.send("'id':'w','type':'attach','job':'a-1'");
      assertEquals("started", alice.nextOf("w").type());
      assertEquals("ok", alice.ask("'type':'signal','signal':'CONT','job':'a-1'").type());
      assertEquals("ok", alice.ask("'type':'cancel','job':'a-1'").type());
      assertEquals("canceled", alice.finish("r").outcome());
      Until.holds("the end's line", () -> lines.events("a-1").contains("end"));
    }
    assertEquals(
        List.of("start", "denied", "denied", "attach", "signal", "cancel", "end"),
        lines.events("a-1"));
    JsonNode end = lines.of("a-1").getLast();
    assertEquals("alice", end.path("principal").asText());
    assertEquals("127.0.0.1", end.path("source").asText());
    assertEquals("canceled", end.path("outcome").asText());
    assertEquals("TERM", end.path("signal").asText());
    assertEquals(7, end.path("output_bytes").asLong());
    assertTrue(end.has("duration_ms"), end::toString);
    JsonNode denied = lines.of("a-1").get(1);
    assertEquals("mallory", denied.path("principal").asText());
    assertEquals("unknown_job", denied.path("code").asText());
    assertFalse(lines.of("a-1").toString().contains("s3cret"));
  }

  @Test
  void whatIsDoneWithAJobOfATraceNamesIt() throws Exception {
    String trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    String parent = "00-" + trace + "-00f067aa0ba902b7-01";
    try (AuditLog audit = new AuditLog(lines, OPTIONS);
        TestNode node = node(audit);
        RawClient alice = as(ALICE, node)) {
      alice.send(
          "'id':'r','job':'a-t','trace':'" + parent + "'", "printenv TRACEPARENT; sleep 100");
      assertEquals(parent, alice.nextOf("r").text("trace"));
      assertEquals(parent + "\n", alice.output(parent.length() + 1));
      assertEquals("ok", alice.ask("'type':'signal','signal':'CONT','job':'a-t'").type());
      assertEquals("ok", alice.ask("'type':'cancel','job':'a-t'").type());
      assertEquals("canceled", alice.finish("r").outcome());
      Until.holds("the end's line", () -> lines.events("a-t").contains("end"));
    }
    assertEquals(List.of("start", "signal", "cancel", "end"), lines.events("a-t"));
    for (JsonNode line : lines.of("a-t")) {
      assertEquals(trace, line.path("trace").asText(), line::toString);
    }
  }

  @Test
  void nothingIsStartedThatIsNotWrittenDown(@TempDir Path folder) throws Exception {
    Path witness = folder.resolve("ran");
    try (AuditLog audit = new AuditLog(lines, OPTIONS);
        TestNode node = node(audit);
        RawClient alice = as(ALICE, node)) {
      lines.refuse(true);
      Answer refused = alice.ask("'job':'a-2','argv':['touch','" + witness + "']");
      assertEquals("unavailable", refused.text("code"));
      assertEquals("audit: can't be written: No space left on device", refused.text("message"));
      assertFalse(Files.exists(witness));
      lines.refuse(false);
      assertEquals("end", alice.ask("'job':'a-2','argv':['touch','" + witness + "']").type());
      assertTrue(Files.exists(witness));
      Until.holds("the end's line", () -> lines.events("a-2").contains("end"));
    }
    // Of the first nothing: an end belongs to a start.
    assertEquals(List.of("start", "end"), lines.events("a-2"));
    assertEquals("exited", lines.of("a-2").getLast().path("outcome").asText());
  }

  @Test
  void startThatADiskKeptWaitingIsRefusedAndHasItsEndOnceItAnswers() throws Exception {
    try (AuditLog audit = new AuditLog(lines, OPTIONS);
        TestNode node = node(audit);
        RawClient alice = as(ALICE, node)) {
      lines.hang();
      // The first is being written, the other waits behind it.
      alice.send("'id':'f','job':'first','argv':['true']");
      alice.send("'id':'b','job':'behind','argv':['true']");
      for (String id : List.of("f", "b")) {
        assertEquals("unavailable", alice.finalOf(id).text("code"));
      }
      // It is known to hang: nothing is written of this one.
      assertEquals("unavailable", alice.ask("'job':'late','argv':['true']").text("code"));
      lines.answer();
      for (String job : List.of("first", "behind")) {
        Until.holds("the end's line", () -> lines.events(job).contains("end"));
        assertEquals(List.of("start", "end"), lines.events(job));
        assertEquals("refused", lines.of(job).getLast().path("outcome").asText());
      }
    }
    assertEquals(List.of(), lines.events("late"));
  }

  @Test
  void startThatFailsHasItsEndToo() throws Exception {
    try (AuditLog audit = new AuditLog(lines, OPTIONS);
        TestNode node = node(audit);
        RawClient alice = as(ALICE, node)) {
      alice.ask("'job':'a-3','argv':['/nonesuch']");
      Until.holds("the end's line", () -> lines.events("a-3").contains("end"));
    }
    assertEquals(List.of("start", "end"), lines.events("a-3"));
    assertEquals("start_failed", lines.of("a-3").getLast().path("outcome").asText());
  }

  @Test
  void whoeverIsNotLetInHasALineWithoutWhatTheySaid() throws Exception {
    try (AuditLog audit = new AuditLog(lines, OPTIONS);
        TestNode node = node(audit);
        RawClient alice = as(ALICE, node)) {
      for (String said : List.of("'type':'hello','version':1,'token':'s3cret'", "'type':'ping'")) {
        try (RawClient stranger = node.connect()) {
          stranger.send(said);
          stranger.expectClose("unauthenticated");
        }
      }
      assertEquals(
          "tcp: hello with a token has to come first", lines.last("unauthenticated", 2, "why"));
      assertEquals(
          "token: not known", lines.ofEvent("unauthenticated").getFirst().path("why").asText());
      assertFalse(lines.ofEvent("unauthenticated").getFirst().has("principal"));
      String again = "'type':'hello','version':1,'token':'" + MALLORY.secret() + "'";
      assertEquals("bad_request", alice.ask(again).text("code"));
      assertEquals("tcp: hello", lines.last("denied", 1, "verb"));
      assertEquals("alice", lines.ofEvent("denied").getFirst().path("principal").asText());
      assertFalse(lines.ofEvent("unauthenticated").toString().contains("s3cret"));
    }
  }

  @Test
  void whoComesAndByWhatHasALineAMinute() throws Exception {
    AtomicReference<Tokens> tokens =
        new AtomicReference<>(Tokens.parse(List.of(ALICE.line(), MALLORY.line())));
    try (AuditLog audit = new AuditLog(lines, OPTIONS);
        TestNode node =
            new TestNode(
                ServerLimits.DEFAULT,
                JobLimits.DEFAULT,
                new LogMemory(64L << 20, 100),
                new Authentication.ByToken(tokens::get),
                new AccessControl(Policy.NONE, audit, Quotas.none()))) {
      String credential = "token " + ALICE.line().split(" ", -1)[1].substring(0, 8);
      for (int i = 0; i < 3; i++) {
        as(ALICE, node).close();
      }
      assertEquals("tcp: " + credential, lines.last("login", 1, "credential"));
      assertEquals("alice", lines.ofEvent("login").getFirst().path("principal").asText());
      try (RawClient mallory = as(MALLORY, node)) {
        lines.last("login", 2, "credential");
        assertEquals("unknown_job", mallory.ask("'type':'status','job':'guess'").text("code"));
        assertEquals("tcp: no such job", lines.last("denied", 1, "why"));
        for (int i = 0; i < 50; i++) {
          mallory.ask("'type':'status','job':'guess-" + i + "'");
        }
        tokens.set(Tokens.parse(List.of(ALICE.line())));
        mallory.expectClose("unauthenticated");
      }
      assertTrue(lines.last("revoked", 1, "credential").startsWith("tcp: token "));
      assertTrue(lines.ofEvent("denied").size() <= 10);
    }
  }

  @Test
  void connectionThatIsLostWhileItWaitsHasALineAndOneThatIsDoneHasNone() throws Exception {
    try (AuditLog audit = new AuditLog(lines, OPTIONS);
        TestNode node = node(audit)) {
      try (RawClient done = as(ALICE, node)) {
        done.ask("'argv':['true']");
      }
      try (RawClient waiting = as(ALICE, node)) {
        waiting.send("'id':'r','job':'a-9'", "exec sleep 100");
        waiting.nextOf("r");
      }
      assertEquals("tcp: closed", lines.last("lost", 1, "reason"));
      assertEquals("alice", lines.ofEvent("lost").getFirst().path("principal").asText());
      Until.holds("the end's line", () -> lines.events("a-9").contains("end"));
      assertEquals(1, lines.ofEvent("lost").size());
    }
  }

  @Test
  void certificatesThatAreNotTrustedHaveTheirLineAndThoseThatAreSayTls(@TempDir Path folder)
      throws Exception {
    TestCa ca = new TestCa("ca");
    Files.writeString(folder.resolve("ca.crt"), ca.cert());
    ca.issue("dns:localhost").write(folder, "server");
    ca.issue("dns:build-1").write(folder, "known");
    new TestCa("ca").issue("dns:build-1").write(folder, "stranger");
    try (AuditLog audit = new AuditLog(lines, OPTIONS);
        TestNode node = node(audit)) {
      Authentication byToken = new Authentication.ByToken(Tokens.parse(List.of(ALICE.line())));
      Authentication overTls =
          new Authentication.OverTls(ServerTls.of(tlsFiles(folder, "server")), byToken);
      // On a busy machine a handshake may take longer than strangers usually have.
      UnauthenticatedLimiter.Limits patient =
          UnauthenticatedLimiter.Limits.of(
              100, Duration.ofMinutes(5), Duration.ofMinutes(1), CidrList.NONE);
      int port = node.listen(overTls, new UnauthenticatedLimiter(patient));
      try (RawClient stranger = overTls(port, tlsFiles(folder, "stranger"))) {
        assertThrows(IOException.class, () -> stranger.ask("'type':'ping'"));
      }
      assertEquals("tls: certificate: not accepted", lines.last("unauthenticated", 1, "why"));
      try (RawClient plain = new RawClient(port)) {
        plain.send(HexFormat.of().parseHex("1603010004deadbeef"));
        assertEquals("tls: TLS: no handshake", lines.last("unauthenticated", 2, "why"));
      }
      try (RawClient known = overTls(port, tlsFiles(folder, "known"))) {
        assertEquals("end", known.ask("'job':'tls-1','argv':['true']").type());
      }
      assertEquals("tls", lines.of("tls-1").getFirst().path("via").asText());
      assertTrue(lines.last("login", 1, "credential").matches("tls: certificate [0-9a-f]+"));
    }
  }

  private static TlsFiles tlsFiles(Path folder, String own) {
    return new TlsFiles(
        folder.resolve("ca.crt"), folder.resolve(own + ".crt"), folder.resolve(own + ".key"));
  }

  private static RawClient overTls(int port, TlsFiles files) throws Exception {
    Socket plain = new Socket(InetAddress.getLoopbackAddress(), port);
    return new RawClient(files.context().getSocketFactory().createSocket(plain, "x", port, true));
  }
}
