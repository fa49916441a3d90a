package dev.runnel.server;

import static dev.runnel.server.RawClient.frame;
import static dev.runnel.server.RawClient.rawFrame;
import static dev.runnel.server.RawClient.together;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.security.identity.CidrList;
import dev.runnel.security.identity.Tokens;
import dev.runnel.security.identity.Tokens.NewToken;
import dev.runnel.security.identity.UnauthenticatedLimiter;
import dev.runnel.tls.ServerTls;
import dev.runnel.tls.TestCa;
import dev.runnel.tls.TlsFiles;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Peers that mean harm before anybody knows them. PROTOCOL.md, section 2. */
@SuppressWarnings("NullAway.Init") // Made before any test.
@Tag("also-root")
@Tag("slow")
class IntrusionTest extends NodeTest {
  private static final NewToken TOKEN = Tokens.create("alice");
  private static final String HELLO = "'type':'hello','version':1,'token':'" + TOKEN.secret() + "'";
  private static final Duration GRACE = Duration.ofMillis(800);
  private static final int FULL = 40;

  @TempDir static Path folder;
  private static ServerTls tls;
  private static Authentication byToken;

  private final UnauthenticatedLimiter strangers =
      new UnauthenticatedLimiter(
          UnauthenticatedLimiter.Limits.of(FULL, GRACE, Duration.ofMinutes(1), CidrList.NONE));

  /** The same with room for all that a test lets in at once. */
  private final UnauthenticatedLimiter many =
      new UnauthenticatedLimiter(
          UnauthenticatedLimiter.Limits.of(1_000, GRACE, Duration.ofMinutes(1), CidrList.NONE));

  @BeforeAll
  static void prepare() throws Exception {
    new TestCa("ca").issue("dns:localhost").write(folder, "server");
    tls =
        ServerTls.of(
            new TlsFiles(null, folder.resolve("server.crt"), folder.resolve("server.key")));
    byToken = new Authentication.ByToken(Tokens.parse(List.of(TOKEN.line())));
  }

  private RawClient from(String source, int port) throws IOException {
    return closed(new RawClient(Elsewhere.connect(source, port)));
  }

  private RawClient fromElsewhere(int port) throws IOException {
    return from(Elsewhere.address(), port);
  }

  @Test
  void whoStopsWithinTheFirstFrameIsClosedInTime() throws Exception {
    int port = node().listen(byToken, many);
    byte[] frame = frame(HELLO);
    List<RawClient> clients = new ArrayList<>();
    for (int bytes : new int[] {0, 1, 3, 4, 5, 40, frame.length - 1}) {
      RawClient client = fromElsewhere(port);
      client.send(Arrays.copyOf(frame, bytes));
      clients.add(client);
    }
    for (RawClient client : clients) {
      client.expectClose("too_slow");
    }
    Until.holds("no stranger", () -> many.count() == 0);
  }

  @Test
  void whoDripsByteByByteIsClosedAsSoon() throws Exception {
    int port = node().listen(byToken, strangers);
    RawClient client = fromElsewhere(port);
    byte[] slow = frame("'x-a':'" + "a".repeat(3_000) + "'," + HELLO);
    for (int i = 0; client.socket().getInputStream().available() == 0; i++) {
      assertTrue(i < slow.length, "it was let drip to the end");
      client.socket().getOutputStream().write(slow[i]);
      LockSupport.parkNanos(10_000_000);
    }
    assertEquals("too_slow", client.next().text("code"));
  }

  @Test
  void mistakesGainNoTime() throws Exception {
    int port = node().listen(byToken, strangers);
    RawClient client = fromElsewhere(port);
    try {
      for (int i = 0; i < 1_000; i++) {
        assertEquals("bad_request", client.ask("'type':'hello','version':1,'a':1").text("code"));
        LockSupport.parkNanos(10_000_000);
      }
    } catch (IOException e) {
      // Closed; what came before the end was kept.
    }
    assertEquals("too_slow", client.nextThat(answer -> answer.id() == null).text("code"));
  }

  @Test
  void whoStopsWithinTheHandshakeIsClosedInTime() throws Exception {
    int port = node().listen(new Authentication.OverTls(tls, byToken), many);
    byte[] hello = clientHello();
    List<Socket> sockets = new ArrayList<>();
    for (int bytes : new int[] {0, 1, 5, hello.length / 2, hello.length - 1, hello.length}) {
      Socket socket = closed(Elsewhere.connect(port));
      socket.setSoTimeout(30_000);
      socket.getOutputStream().write(hello, 0, bytes);
      sockets.add(socket);
    }
    for (Socket socket : sockets) {
      // What the server sent in its own part of the handshake, if anything, and then the end.
      socket.getInputStream().transferTo(OutputStream.nullOutputStream());
    }
    Until.holds("no stranger", () -> many.count() == 0);
  }

  @Test
  void whoDripsAHandshakeIsClosedAsSoon() throws Exception {
    int port = node().listen(new Authentication.OverTls(tls, byToken), strangers);
    Socket socket = closed(Elsewhere.connect(port));
    // A record of the largest size, of which there is always more to come.
    byte[] record = new byte[16_384];
    record[0] = 22;
    record[1] = 3;
    record[2] = 1;
    record[3] = 0x3F;
    record[4] = (byte) 0xFB;
    record[5] = 1;
    record[7] = 0x3F;
    record[8] = (byte) 0xF7;
    try {
      for (byte next : record) {
        socket.getOutputStream().write(next);
        LockSupport.parkNanos(10_000_000);
      }
      throw new AssertionError("it was let drip to the end");
    } catch (IOException e) {
      Until.holds("no stranger", () -> strangers.count() == 0);
    }
  }

  private static byte[] clientHello() throws Exception {
    SSLContext context = new TlsFiles(null, null, null).context();
    SSLEngine engine = context.createSSLEngine("localhost", 1);
    engine.setUseClientMode(true);
    ByteBuffer bytes = ByteBuffer.allocate(32_768);
    engine.beginHandshake();
    var _ = engine.wrap(ByteBuffer.allocate(0), bytes);
    return Arrays.copyOf(bytes.array(), bytes.position());
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void thousandsThatSayNothingAreBoundedAndHurtNobodyInside(boolean secured) throws Exception {
    int port =
        node().listen(secured ? new Authentication.OverTls(tls, byToken) : byToken, strangers);
    int before = node().room().connections().get();
    RawClient inside = connect();
    List<Socket> silent = new ArrayList<>();
    try {
      for (int i = 0; i < 2_000; i++) {
        silent.add(Elsewhere.connect(port));
        assertTrue(strangers.count() <= FULL, () -> "" + strangers.count());
        if (i % 100 == 0) {
          assertEquals("pong", inside.ask("'type':'ping'").type());
        }
      }
      // Those that were let in have to go as well, whether their peers do or not.
      Until.holds("no stranger", () -> strangers.count() == 0);
      Until.holds("no connection but ours", () -> node().room().connections().get() <= before + 1);
    } finally {
      for (Socket socket : silent) {
        socket.close();
      }
    }
  }

  @Test
  void newcomersGetInWhileAFloodGoesOn() throws Exception {
    int port = node().listen(byToken, strangers);
    String attacker = Elsewhere.address();
    for (int i = 0; i < 500; i++) {
      var _ = closed(Elsewhere.connect(attacker, port));
    }
    // A quarter is all that one source can have.
    assertTrue(strangers.count() <= FULL / 4, () -> "" + strangers.count());
    Until.holds("somebody else to be let in", () -> isLetIn(Elsewhere.address(), port));
  }

  private static boolean isLetIn(String source, int port) throws IOException {
    try (RawClient client = new RawClient(Elsewhere.connect(source, port))) {
      return client.ask(HELLO).type().equals("hello");
    } catch (java.io.EOFException | java.net.SocketException e) {
      return false;
    }
  }

  @Test
  void sourceThatFailsHasToStayAwayAndNoOther() throws Exception {
    int port = node().listen(byToken, many);
    String source = Elsewhere.address();
    long start = System.nanoTime();
    for (int i = 0; i < 4; i++) {
      RawClient guess = from(source, port);
      guess.send("'type':'hello','version':1,'token':'guess-" + i + "'");
      guess.expectClose("unauthenticated");
    }
    // 100 + 200 + 400 + 800 ms: each guess takes longer.
    assertTrue(System.nanoTime() - start >= 1_400_000_000L);
    // Looked at or not: what comes of it is not told.
    for (int i = 4; i < 7; i++) {
      RawClient next = from(source, port);
      next.send("'type':'hello','version':1,'token':'guess-" + i + "'");
      RawClient.Answer refusal = next.expectClose("too_many_failures");
      String message = refusal.text("message");
      assertTrue(message.startsWith("too many failures: try again in "), message);
      assertTrue(refusal.number("retry_after_ms") > 0, refusal.toString());
    }
    assertEquals("hello", fromElsewhere(port).ask(HELLO).type());
  }

  @Test
  void failuresCostNothingWhereTheyAreExempt() throws Exception {
    String source = Elsewhere.address();
    CidrList exempt = CidrList.of(List.of(source + "/32"));
    UnauthenticatedLimiter.Limits limits =
        UnauthenticatedLimiter.Limits.of(
            1_000, Duration.ofSeconds(10), Duration.ofMinutes(1), exempt);
    UnauthenticatedLimiter there = new UnauthenticatedLimiter(limits);
    int port = node().listen(byToken, there);
    for (int i = 0; i < 8; i++) {
      RawClient guess = from(source, port);
      guess.send("'type':'hello','version':1,'token':'guess-" + i + "'");
      guess.expectClose("unauthenticated");
    }
    assertTrue(there.penalty(source).isZero());
    String other = Elsewhere.address();
    from(other, port).send("'type':'hello','version':1,'token':'guess'");
    Until.holds("a penalty", () -> !there.penalty(other).isZero());
  }

  @Test
  void rightTokenIsLetInFromASourceThatFails() throws Exception {
    UnauthenticatedLimiter patient =
        new UnauthenticatedLimiter(
            UnauthenticatedLimiter.Limits.of(
                1_000, Duration.ofSeconds(10), Duration.ofMinutes(1), CidrList.NONE));
    int port = node().listen(byToken, patient);
    String source = Elsewhere.address();
    for (int i = 0; i < 12; i++) {
      RawClient wrong = from(source, port);
      wrong.send("'type':'hello','version':1,'token':'stale'");
      String refusal = i < 4 ? "unauthenticated" : "too_many_failures";
      assertEquals(refusal, wrong.expectClose(refusal).text("code"));
    }
    // It may be held for as long as one guess costs; and what was sent along with it is taken up.
    RawClient right = from(source, port);
    right.send(together(frame("'id':'a'," + HELLO), frame("'id':'b','type':'ping'")));
    assertEquals("hello", right.finalOf("a").type());
    assertEquals("pong", right.finalOf("b").type());
    // From then on it is known, whatever else fails.
    for (int i = 0; i < 3; i++) {
      RawClient guess = from(source, port);
      guess.send("'type':'hello','version':1,'token':'guess-" + i + "'");
      assertEquals("hello", from(source, port).ask(HELLO).type());
    }
    assertTrue(!patient.penalty(source).isZero());
  }

  @Test
  void handshakesThatFailCountAsWell() throws Exception {
    int port = node().listen(new Authentication.OverTls(tls, byToken), strangers);
    String source = Elsewhere.address();
    for (int i = 0; i < 4; i++) {
      say(source, port, HexFormat.of().parseHex("1603010004deadbeef"));
    }
    Until.holds("the source to be braked", () -> strangers.look(source, new byte[32]).isBraked());
  }

  @Test
  void speakingAnotherProtocolIsNoAttempt() throws Exception {
    int port = node().listen(new Authentication.OverTls(tls, byToken), strangers);
    String source = Elsewhere.address();
    for (int i = 0; i < 20; i++) {
      say(source, port, "GET / HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
    }
    Until.holds("all of them to be gone", () -> strangers.count() == 0);
    assertNull(strangers.enter(source));
    strangers.leave(source);
  }

  private void say(String source, int port, byte[] words) throws Exception {
    Socket socket = closed(Elsewhere.connect(source, port));
    socket.getOutputStream().write(words);
    socket.getInputStream().transferTo(OutputStream.nullOutputStream());
  }

  @Test
  void connectionsThatAreOnlyOpenedCostNothing() throws Exception {
    int port = node().listen(byToken, strangers);
    String prober = Elsewhere.address();
    for (int i = 0; i < 200; i++) {
      Elsewhere.connect(prober, port).close();
      Until.holds("a place", () -> strangers.count() == 0);
    }
    Until.holds("the prober to be let in", () -> isLetIn(prober, port));
  }

  @Test
  void framesAreSmallUntilItIsKnownWhoSendsThem() throws Exception {
    int port = node().listen(byToken, strangers);
    RawClient header = fromElsewhere(port);
    header.send(new byte[] {1, 16, 0, 0});
    assertEquals(
        "header: 4097 bytes (limit: 4096)", header.expectClose("header_too_large").text("message"));
    RawClient body = fromElsewhere(port);
    body.send(rawFrame("{\"total_size\":4080}".getBytes(StandardCharsets.US_ASCII), new byte[0]));
    assertEquals(
        "body: 4080 bytes (limit: 4077)", body.expectClose("body_too_large").text("message"));
    RawClient known = fromElsewhere(port);
    assertEquals("hello", known.ask(HELLO).type());
    assertEquals("pong", known.ask("'type':'ping','x-a':'" + "a".repeat(60_000) + "'").type());
    known.send("'id':'r'", "true " + "x".repeat(100_000));
    assertEquals("exited", known.finish("r").outcome());
  }

  @Test
  void floodsOfKeysAndNestingAreRefusedAtOnce() throws Exception {
    int port = node().listen(byToken, strangers);
    StringBuilder keys = new StringBuilder("'type':'ping'");
    for (int i = 0; i < 400; i++) {
      keys.append(",'k").append(i).append("':0");
    }
    RawClient flood = fromElsewhere(port);
    flood.send(keys.toString());
    flood.expectClose("unauthenticated");
    RawClient nested = fromElsewhere(port);
    nested.send("'x-a':" + "[".repeat(1_500) + "]".repeat(1_500));
    nested.expectClose("bad_frame");
    RawClient number = fromElsewhere(port);
    // Past the checker, which would reckon it out.
    number.socket().getOutputStream().write(frame("'x-a':1e" + "9".repeat(3_000) + "," + HELLO));
    assertTrue(number.socket().getInputStream().read() > 0);
  }

  @Test
  void nothingAStrangerSaysIsRepeatedInTheAnswer() throws Exception {
    int port = node().listen(byToken, strangers);
    RawClient client = fromElsewhere(port);
    client.send("'type':'hello','version':1,'token':'s3cret-of-mine'");
    String answer = client.expectClose("unauthenticated").toString();
    assertTrue(!answer.contains("s3cret"), answer);
  }
}
