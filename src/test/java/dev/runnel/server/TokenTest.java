package dev.runnel.server;

import static dev.runnel.server.RawClient.frame;
import static dev.runnel.server.RawClient.together;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.security.identity.Tokens;
import dev.runnel.security.identity.Tokens.NewToken;
import dev.runnel.server.RawClient.Answer;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Who may ask, and as whom. PROTOCOL.md, section 2. */
@Tag("also-root")
class TokenTest extends NodeTest {
  private static final NewToken ALICE = Tokens.create("alice");
  private static final NewToken BOB = Tokens.create("bob");
  private static int port;

  @BeforeAll
  static void listen() throws Exception {
    Tokens tokens = Tokens.parse(List.of(ALICE.line(), BOB.line()));
    port = node().listen(new Authentication.ByToken(tokens));
  }

  private RawClient connectByToken() throws IOException {
    return closed(new RawClient(Elsewhere.connect(port)));
  }

  private static String hello(String token) {
    return "'type':'hello','version':1,'token':'" + token + "'";
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "'type':'ping'",
        "'type':'jobs'",
        "'argv':['true'],'job':'tok-1'",
        "'type':'nonesuch'",
        "'type':'run','unknown':1",
        "'type':'stdin','job':'a','offset':0",
        "'type':'hello','version':1",
      })
  void nothingIsAnsweredBeforeAToken(String keys) throws Exception {
    RawClient client = connectByToken();
    client.send(keys);
    client.expectClose("unauthenticated");
    assertEquals("unknown_job", connect().ask("'type':'status','job':'tok-1'").text("code"));
  }

  @Test
  void wrongTokenEndsTheConnectionAndIsNotRepeated() throws Exception {
    for (String wrong : List.of("", "wrong", ALICE.secret() + "x", ALICE.line())) {
      RawClient client = connectByToken();
      client.send(
          together(frame("'id':'h'," + hello(wrong)), frame("'job':'tok-2'", "exec sleep 100")));
      Answer error = client.expectClose("unauthenticated");
      assertFalse(!wrong.isEmpty() && error.text("message").contains(wrong), error::toString);
    }
    assertEquals("unknown_job", connect().ask("'type':'status','job':'tok-2'").text("code"));
  }

  @Test
  void helloWithoutAVersionIsNoWayIn() throws Exception {
    RawClient client = connectByToken();
    client.send("'type':'hello','token':'" + ALICE.secret() + "'");
    client.expectClose("unsupported_version");
  }

  @Test
  void helloThatFailsIsNoWayIn() throws Exception {
    RawClient client = connectByToken();
    assertEquals("bad_request", client.ask(hello(ALICE.secret()) + ",'colour':1").text("code"));
    client.send("'type':'ping'");
    client.expectClose("unauthenticated");
  }

  @Test
  void tokenSaysWhoAsks() throws Exception {
    RawClient client = connectByToken();
    Answer hello = client.ask(hello(BOB.secret()));
    assertEquals("hello", hello.type());
    assertEquals("end", client.ask("'argv':['true'],'job':'tok-3'").type());
    assertEquals("bob", client.ask("'type':'status','job':'tok-3'").text("principal"));
  }

  @Test
  void runMayFollowItsHelloAtOnce() throws Exception {
    RawClient client = connectByToken();
    client.send(
        together(
            frame("'id':'h'," + hello(ALICE.secret())),
            frame("'id':'r','job':'tok-4'", "echo in"),
            frame("'id':'s','type':'status','job':'tok-4'")));
    assertEquals("hello", client.next().type());
    assertEquals("alice", client.finalOf("s").text("principal"));
    assertEquals("in\n", client.finish("r").out());
  }

  @Test
  void secondHelloIsRefusedWhateverItSays() throws Exception {
    RawClient client = connectByToken();
    client.ask(hello(ALICE.secret()));
    for (String again : List.of(hello(BOB.secret()), hello(ALICE.secret()), hello("wrong"))) {
      assertEquals("bad_request", client.ask(again).text("code"));
    }
    client.ask("'argv':['true'],'job':'tok-6'");
    assertEquals("alice", client.ask("'type':'status','job':'tok-6'").text("principal"));
  }

  @Test
  void secondHelloIsRefusedWhereNoneIsNeeded() throws Exception {
    RawClient client = connect();
    assertEquals("hello", client.ask("'type':'hello','version':1").type());
    assertEquals("bad_request", client.ask("'type':'hello','version':1").text("code"));
    assertEquals("pong", client.ask("'type':'ping'").type());
  }

  @Test
  void expiredTokenIsNoWayInAndSaysSo() throws Exception {
    Instant past = Instant.parse("2020-02-02T20:20:20Z");
    NewToken old = Tokens.create("carol", past);
    NewToken young = Tokens.create("carol", Instant.now().plusSeconds(1_000));
    int own =
        node().listen(new Authentication.ByToken(Tokens.parse(List.of(old.line(), young.line()))));
    RawClient client = closed(new RawClient(Elsewhere.connect(own)));
    client.send(hello(old.secret()));
    assertEquals(
        "token: expired at 2020-02-02T20:20:20Z",
        client.expectClose("unauthenticated").text("message"));
    RawClient other = closed(new RawClient(Elsewhere.connect(own)));
    assertEquals("hello", other.ask(hello(young.secret())).type());
  }

  @Test
  void revokedTokenIsNoWayInAndItsConnectionsEndWithTheirJobs() throws Exception {
    AtomicReference<Tokens> tokens =
        new AtomicReference<>(Tokens.parse(List.of(ALICE.line(), BOB.line())));
    int own = node().listen(new Authentication.ByToken(tokens::get));
    RawClient alice = closed(new RawClient(Elsewhere.connect(own)));
    RawClient bob = closed(new RawClient(Elsewhere.connect(own)));
    alice.ask(hello(ALICE.secret()));
    bob.ask(hello(BOB.secret()));
    alice.send("'id':'r'", "exec sleep 100");
    long pid = alice.nextOf("r").number("pid");
    // A token more for the same name changes nothing; that is how one is replaced.
    tokens.set(Tokens.parse(List.of(BOB.line(), Tokens.create("bob").line())));
    assertEquals("token: revoked", alice.expectClose("unauthenticated").text("message"));
    Until.gone(pid);
    assertEquals("pong", bob.ask("'type':'ping'").type());
    RawClient again = closed(new RawClient(Elsewhere.connect(own)));
    again.send(hello(ALICE.secret()));
    again.expectClose("unauthenticated");
  }

  @Test
  void whereNoneIsNeededATokenIsOfNoAccount() throws Exception {
    RawClient client = connect();
    assertEquals("hello", client.ask(hello("whatever")).type());
    client.ask("'argv':['true'],'job':'tok-5'");
    assertEquals("anonymous", client.ask("'type':'status','job':'tok-5'").text("principal"));
  }

  @Test
  void unixSocketSpeaksTheSame(@TempDir Path folder) throws Exception {
    Path path = folder.resolve("s");
    node().listen(new ListenAddress.Unix(path.toString()), new Authentication.Open("local"));
    for (int i = 0; i < 4; i++) {
      SocketChannel channel = closed(SocketChannel.open(StandardProtocolFamily.UNIX));
      channel.connect(UnixDomainSocketAddress.of(path));
      RawClient client =
          closed(
              new RawClient(Channels.newInputStream(channel), Channels.newOutputStream(channel)));
      client.send("'id':'r','job':'unix-" + i + "'", "echo unix");
      assertEquals("unix\n", client.finish("r").out());
      Answer status = client.ask("'type':'status','job':'unix-" + i + "'");
      assertEquals("local", status.text("principal"));
      client.send(new byte[4]);
      assertTrue(client.expectClose("bad_frame").isFinal());
    }
  }
}
