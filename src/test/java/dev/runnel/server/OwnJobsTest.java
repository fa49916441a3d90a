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
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Two principals on one node: neither gets at the other's jobs. PROTOCOL.md, "Errors". */
@Tag("also-root")
class OwnJobsTest extends NodeTest {
  private static final NewToken ALICE = Tokens.create("alice");
  private static final NewToken MALLORY = Tokens.create("mallory");
  private static final AtomicInteger NAMES = new AtomicInteger();
  private static int port;

  @BeforeAll
  static void listen() throws Exception {
    port =
        node()
            .listen(
                new Authentication.ByToken(Tokens.parse(List.of(ALICE.line(), MALLORY.line()))));
  }

  private RawClient connectAs(NewToken token) throws IOException {
    RawClient client = closed(new RawClient(port));
    client.ask("'type':'hello','version':1,'token':'" + token.secret() + "'");
    return client;
  }

  // A job that says what it reads, and so whether it is still itself.
  private static RawClient run(RawClient owner, String job) throws IOException {
    owner.send("'id':'r','job':'" + job + "','stdin':true", "read line; echo $line");
    assertEquals("started", owner.nextOf("r").type());
    return owner;
  }

  private static void expectAlive(RawClient owner, String job) throws IOException {
    owner.send("'type':'stdin','job':'" + job + "','offset':0,'eof':true", "alive\n");
    assertEquals("alive\n", owner.finish("r").out());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "'type':'status'",
        "'type':'signal','signal':'KILL'",
        "'type':'cancel'",
        "'type':'resize','rows':1,'cols':1",
        "'type':'attach'",
        "'type':'attach','from':'end'",
        "'type':'attach','runner':true,'window':65536",
      })
  void anothersJobIsAnsweredLikeOneThatNeverWas(String verb) throws Exception {
    String job = "own-" + NAMES.incrementAndGet();
    RawClient alice = run(connectAs(ALICE), job);
    RawClient mallory = connectAs(MALLORY);
    String never = shape(mallory.ask(verb + ",'job':'never'"), "never");
    assertTrue(never.contains("unknown_job"), never);
    assertEquals(never, shape(mallory.ask(verb + ",'job':'" + job + "'"), job));
    expectAlive(alice, job);
    assertEquals(never, shape(mallory.ask(verb + ",'job':'" + job + "'"), job));
  }

  // All that could tell the two apart, but for the name that was asked for.
  private static String shape(Answer answer, String job) {
    return answer.header().toString().replace(job, "JOB").replaceAll("asked-\\d+", "ID");
  }

  @Test
  void nobodysListHasAnothersJobs() throws Exception {
    RawClient alice = run(connectAs(ALICE), "list-hers");
    RawClient mallory = run(connectAs(MALLORY), "list-his");
    mallory.send("'id':'j','type':'jobs','prefix':'list-'");
    assertTrue(mallory.nextOf("j").text().contains("list-his"));
    alice.send("'id':'j','type':'jobs','limit':1,'prefix':'list-'");
    String hers = alice.nextOf("j").text();
    assertTrue(hers.contains("list-hers"), hers);
    assertFalse(hers.contains("list-his"), hers);
    expectAlive(alice, "list-hers");
    expectAlive(mallory, "list-his");
  }

  @Test
  void stdinForAnothersJobIsDropped() throws Exception {
    RawClient alice = run(connectAs(ALICE), "stdin-hers");
    RawClient mallory = connectAs(MALLORY);
    mallory.send(
        together(
            frame("'type':'stdin','job':'stdin-hers','offset':0,'eof':true", "evil\n"),
            frame("'type':'ack','follow':'r','offset':0"),
            frame("'id':'p','type':'ping'")));
    assertEquals("pong", mallory.finalOf("p").type());
    expectAlive(alice, "stdin-hers");
  }

  @Test
  void anothersNameCantBeTakenNorItsJobReplaced() throws Exception {
    RawClient alice = run(connectAs(ALICE), "name-hers");
    Answer refused = connectAs(MALLORY).ask("'job':'name-hers','argv':['true']");
    assertEquals("job_exists", refused.text("code"));
    assertFalse(refused.header().has("principal"), refused::toString);
    expectAlive(alice, "name-hers");
  }

  @Test
  void oneWhoCameInWithoutATokenIsAnotherPrincipal() throws Exception {
    RawClient alice = run(connectAs(ALICE), "open-hers");
    assertEquals("unknown_job", connect().ask("'type':'cancel','job':'open-hers'").text("code"));
    expectAlive(alice, "open-hers");
  }

  @Test
  void ownJobsAreReachedByAnyConnectionOfTheirs() throws Exception {
    run(connectAs(ALICE), "own-hers");
    RawClient again = connectAs(ALICE);
    assertEquals("alice", again.ask("'type':'status','job':'own-hers'").text("principal"));
    assertEquals("ok", again.ask("'type':'cancel','job':'own-hers'").type());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "..",
        "../x",
        ".hidden",
        "a/b",
        "a\\u0000b",
        "a b",
        "a\\nb",
        "a%2e",
        "é",
        "",
        "-rf",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
      })
  void oddJobNamesAreNobodys(String name) throws Exception {
    RawClient client = connectAs(ALICE);
    for (String verb : List.of("'argv':['true']", "'type':'status'", "'type':'cancel'")) {
      assertEquals("bad_request", client.ask(verb + ",'job':'" + name + "'").text("code"));
    }
  }
}
