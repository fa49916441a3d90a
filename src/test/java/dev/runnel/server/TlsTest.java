package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.security.identity.Tokens;
import dev.runnel.security.identity.Tokens.NewToken;
import dev.runnel.tls.ServerTls;
import dev.runnel.tls.TestCa;
import dev.runnel.tls.TlsFiles;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Frames through TLS, and certificates as a way in. PROTOCOL.md, section 2. */
@SuppressWarnings("NullAway.Init") // Made before any test.
@Tag("slow")
class TlsTest extends NodeTest {
  private static final NewToken TOKEN = Tokens.create("alice");

  @TempDir static Path folder;
  private static TestCa ca;
  private static ServerTls tls;
  private static int port;

  @BeforeAll
  static void listen() throws Exception {
    ca = new TestCa("ca");
    Files.writeString(folder.resolve("ca.crt"), ca.cert());
    ca.issue("dns:localhost").write(folder, "server");
    tls = ServerTls.of(files("ca", "server"));
    Authentication byToken = new Authentication.ByToken(Tokens.parse(List.of(TOKEN.line())));
    port = node().listen(new Authentication.OverTls(tls, byToken));
  }

  private static TlsFiles files(String trusted, String own) {
    return new TlsFiles(
        folder.resolve(trusted + ".crt"),
        folder.resolve(own + ".crt"),
        folder.resolve(own + ".key"));
  }

  private SSLSocket socket(TlsFiles files) throws Exception {
    SSLContext context = files.context();
    Socket plain = Elsewhere.connect(port);
    return closed((SSLSocket) context.getSocketFactory().createSocket(plain, "x", port, true));
  }

  /** A client that shows a certificate for these names. */
  private RawClient connectAs(String... names) throws Exception {
    ca.issue(names).write(folder, "client");
    return closed(new RawClient(socket(files("ca", "client"))));
  }

  private RawClient connectByToken() throws Exception {
    TlsFiles anonymous = new TlsFiles(folder.resolve("ca.crt"), null, null);
    RawClient client = closed(new RawClient(socket(anonymous)));
    String hello = "'type':'hello','version':1,'token':'" + TOKEN.secret() + "'";
    assertEquals("hello", client.ask(hello).type());
    return client;
  }

  private static String principal(RawClient client) throws IOException {
    String job = client.ask("'argv':['true']").text("job");
    return client.ask("'type':'status','job':'" + job + "'").text("principal");
  }

  @ParameterizedTest
  @ValueSource(strings = {"TLSv1.3", "TLSv1.2"})
  void framesOfAnySizeComeThroughBothVersions(String version) throws Exception {
    SSLSocket socket = socket(new TlsFiles(folder.resolve("ca.crt"), null, null));
    socket.setEnabledProtocols(new String[] {version});
    RawClient client = closed(new RawClient(socket));
    client.ask("'type':'hello','version':1,'token':'" + TOKEN.secret() + "'");
    assertEquals(version, socket.getSession().getProtocol());
    client.send("'id':'r','stdin':true,'job':'tls-" + version + "','argv':['cat']");
    byte[] bytes = new byte[50_000];
    client.send(
        "'type':'stdin','job':'tls-" + version + "','offset':0,'eof':true",
        new String(bytes, StandardCharsets.US_ASCII));
    assertEquals(bytes.length, client.finish("r").stdout().length);
    client.send("'id':'s'", "head -c 5000000 /dev/urandom");
    assertEquals(5_000_000, client.finish("s").stdout().length);
  }

  @Test
  void olderVersionsAreNotSpoken() throws Exception {
    SSLSocket socket = socket(new TlsFiles(folder.resolve("ca.crt"), null, null));
    socket.setEnabledProtocols(new String[] {"TLSv1.2"});
    socket.setEnabledCipherSuites(new String[] {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"});
    assertThrows(IOException.class, socket::startHandshake);
  }

  @Test
  void tokenSaysWhoAsksWhereThereIsNoCertificate() throws Exception {
    assertEquals("alice", principal(connectByToken()));
  }

  @Test
  void certificateSaysWhoAsksWithoutAHello() throws Exception {
    assertEquals("spiffe://example.org/ci", principal(connectAs("spiffe://example.org/ci")));
    assertEquals("dns:build-1.example", principal(connectAs("dns:build-1.example", "dns:b")));
    assertEquals("https://x/y", principal(connectAs("dns:build-1", "https://x/y")));
  }

  @Test
  void certificateCountsMoreThanAToken() throws Exception {
    RawClient client = connectAs("dns:build-1");
    client.ask("'type':'hello','version':1,'token':'wrong'");
    assertEquals("dns:build-1", principal(client));
  }

  @Test
  void certificateThatNamesNobodyOrSeveralIsNoWayIn() throws Exception {
    String[][] all = {
      {},
      {"ip:127.0.0.1"},
      {"a://x", "b://y"},
      {"unix:root"},
      {"unix://root"},
      {"UNIX://x"},
      {"dns://x"},
      {"dns:"},
      {"dns:a b"}
    };
    for (String[] names : all) {
      RawClient client = connectAs(names);
      client.send("'type':'ping'");
      client.expectClose("unauthenticated");
    }
  }

  @Test
  void certificateOfAnotherCaOrOutOfDateIsNoWayIn() throws Exception {
    new TestCa("ca").issue("dns:build-1").write(folder, "stranger");
    ca.issue(Instant.now().minusSeconds(60), "dns:build-1").write(folder, "old");
    for (String name : List.of("stranger", "old")) {
      SSLSocket socket = socket(files("ca", name));
      // In TLS 1.3 a client hears of it after its own part is done.
      assertThrows(
          IOException.class,
          () -> {
            RawClient client = new RawClient(socket);
            client.ask("'type':'ping'");
          });
    }
    assertEquals("dns:build-1", principal(connectAs("dns:build-1")));
  }

  private RawClient connect(SSLContext context, String version) throws Exception {
    Socket plain = Elsewhere.connect(port);
    SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(plain, "x", port, true);
    socket.setEnabledProtocols(new String[] {version});
    return closed(new RawClient(closed(socket)));
  }

  @Test
  void certificateIsOutOfDateInAResumedSessionToo() throws Exception {
    Instant end = Instant.now().plusSeconds(15);
    ca.issue(end, "dns:build-1").write(folder, "brief");
    Map<String, SSLContext> contexts =
        Map.of(
            "TLSv1.3", files("ca", "brief").context(), "TLSv1.2", files("ca", "brief").context());
    Map<String, Long> made = new HashMap<>();
    for (String version : contexts.keySet()) {
      RawClient client = connect(contexts.get(version), version);
      assertEquals("dns:build-1", principal(client));
      made.put(version, session(client).getCreationTime());
    }
    Until.holds("out of date", () -> Instant.now().isAfter(end.plusSeconds(1)));
    for (String version : contexts.keySet()) {
      RawClient client = connect(contexts.get(version), version);
      assertEquals(made.get(version), session(client).getCreationTime(), "it is resumed");
      assertThrows(IOException.class, () -> client.ask("'type':'ping'"));
    }
  }

  private static SSLSession session(RawClient client) {
    return ((SSLSocket) client.socket()).getSession();
  }

  @Test
  void secondHandshakeOfAConnectionIsItsEnd() throws Exception {
    SSLSocket socket = socket(new TlsFiles(folder.resolve("ca.crt"), null, null));
    socket.setEnabledProtocols(new String[] {"TLSv1.2"});
    RawClient client = closed(new RawClient(socket));
    client.ask("'type':'hello','version':1,'token':'" + TOKEN.secret() + "'");
    assertThrows(
        IOException.class,
        () -> {
          socket.startHandshake();
          client.ask("'type':'ping'");
        });
  }

  @Test
  void certificateThatWasTakenBackIsNoWayIn() throws Exception {
    TestCa.Issued bad = ca.issue("dns:bad");
    bad.write(folder, "bad");
    ca.issue("dns:good").write(folder, "good");
    Path lists = Files.writeString(folder.resolve("crl"), ca.revocationList(List.of()));
    TlsFiles files = files("ca", "server");
    ServerTls revoking = ServerTls.of(new TlsFiles(files.ca(), files.cert(), files.key(), lists));
    Authentication access =
        new Authentication.OverTls(revoking, new Authentication.ByToken(Tokens.NONE));
    int there = node().listen(access);
    SSLContext context = files("ca", "bad").context();
    RawClient before = connect(context, there);
    assertEquals("dns:bad", principal(before));
    RawClient other = connect(files("ca", "good").context(), there);
    assertEquals("dns:good", principal(other));
    before.send("'id':'r'", "exec sleep 100");
    long pid = before.nextOf("r").number("pid");
    Files.writeString(lists, ca.revocationList(List.of(bad)));
    revoking.reload();
    // A connection that was there before ends, and its job with it; that of another one stays.
    assertEquals("certificate: revoked", before.expectClose("unauthenticated").text("message"));
    Until.gone(pid);
    assertEquals("pong", other.ask("'type':'ping'").type());
    // Its session is none that may be resumed.
    for (SSLContext by : List.of(context, files("ca", "bad").context())) {
      assertThrows(IOException.class, () -> connect(by, there).ask("'type':'ping'"));
    }
    assertEquals("dns:good", principal(connect(files("ca", "good").context(), there)));
    // One of another CA's is in none of them.
    Files.writeString(lists, new TestCa("another").revocationList(List.of()));
    revoking.reload();
    assertThrows(
        IOException.class,
        () -> connect(files("ca", "good").context(), there).ask("'type':'ping'"));
  }

  private RawClient connect(SSLContext context, int there) throws Exception {
    Socket plain = Elsewhere.connect(there);
    return closed(new RawClient(context.getSocketFactory().createSocket(plain, "x", there, true)));
  }

  @Test
  void certificateWithAWeakKeyIsNoWayIn() throws Exception {
    ca.issueRsa(1_024, "dns:build-1").write(folder, "weak");
    ca.issueRsa(2_048, "dns:build-1").write(folder, "strong");
    RawClient weak = closed(new RawClient(socket(files("ca", "weak"))));
    assertThrows(IOException.class, () -> weak.ask("'type':'ping'"));
    assertEquals("dns:build-1", principal(closed(new RawClient(socket(files("ca", "strong"))))));
  }

  @Test
  void whoSpeaksNoTlsIsClosed() throws Exception {
    RawClient client = closed(new RawClient(Elsewhere.connect(port)));
    client.send("'type':'hello','version':1,'token':'" + TOKEN.secret() + "'");
    // An alert, in plain bytes, is all there may be.
    assertTrue(client.socket().getInputStream().readAllBytes().length < 16);
  }

  @Test
  void lastWordOfTheServerIsWholeAndFollowedByTheEndOfTls() throws Exception {
    RawClient client = connectByToken();
    client.send("'id':'a','type':'ping','id2':1");
    client.send(new byte[] {1, 0, 0, 0});
    // JSSE would throw at an end that is only TCP's.
    client.expectClose("bad_frame");
  }

  @Test
  void endOfTlsIsTheClientsDisconnect() throws Exception {
    RawClient client = connectByToken();
    client.send("'id':'r'", "exec sleep 100");
    long pid = client.nextOf("r").number("pid");
    // The connection beneath stays.
    ((SSLSocket) client.socket()).shutdownOutput();
    Until.gone(pid);
  }

  @Test
  void slowReaderHoldsNothingUpAndTakesNoMoreMemoryThanWithout() throws Exception {
    RawClient slow = connectByToken();
    RawClient other = connectByToken();
    slow.send("'id':'r'", "head -c 30000000 /dev/zero");
    OutboundBytes unsent = node().room().unsent();
    int limit = ServerLimits.DEFAULT.maxUnsentBytes();
    Until.holds("the transport to be full", () -> unsent.outputBytes() >= limit);
    for (int i = 0; i < 10; i++) {
      assertTrue(unsent.outputBytes() <= limit + 131_072 + 65_536, () -> "" + unsent.outputBytes());
      assertEquals("pong", other.ask("'type':'ping'").type());
    }
    assertEquals(30_000_000, slow.finish("r").stdout().length);
    Until.holds("nothing to be under way", () -> unsent.outputBytes() == 0);
  }

  @Test
  void newCertificateIsShownToNewConnectionsAndOldOnesGoOn() throws Exception {
    RawClient before = connectByToken();
    X509Certificate shown = shownTo(before);
    ca.issue("dns:localhost").write(folder, "server");
    tls.reload();
    RawClient after = connectByToken();
    assertFalse(shown.equals(shownTo(after)));
    before.send("'id':'r'", "echo still here");
    assertEquals("still here\n", before.finish("r").out());
  }

  private static X509Certificate shownTo(RawClient client) throws IOException {
    SSLSocket socket = (SSLSocket) client.socket();
    return (X509Certificate) socket.getSession().getPeerCertificates()[0];
  }
}
