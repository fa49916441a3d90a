package dev.runnel.server;

import static dev.runnel.server.RawClient.frame;
import static dev.runnel.server.RawClient.together;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.runnel.server.RawClient.Answer;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is asked, by which name, and the errors that end a request or a connection. */
@Tag("also-root")
class RequestTest extends NodeTest {
  @Test
  void helloTellsWhoTheServerIs() throws Exception {
    JsonNode hello = connect().ask("'type':'hello','version':1").header();

    assertEquals(1, hello.path("version").asInt());
    assertEquals("runnel test", hello.path("software").asText());
    assertEquals("test", hello.path("node").asText());
    assertEquals(node().registry().node().boot(), hello.path("boot").asText());
    assertEquals(65_536, hello.path("max_header").asInt());
    assertEquals(131_072, hello.path("max_body").asInt());
    assertEquals(256, hello.path("max_requests").asInt());
    assertEquals(256, hello.path("max_connection_jobs").asInt());
    List<String> features = new ArrayList<>();
    hello.path("features").forEach(feature -> features.add(feature.asText()));
    assertEquals(
        Set.of(
            "run",
            "stdin",
            "window",
            "signal",
            "cancel",
            "status",
            "jobs",
            "argv_body",
            "argv_b64",
            "env_b64",
            "cwd_b64",
            "pty_modes",
            "env_body",
            "env_from",
            "leftovers",
            "merge",
            "limits",
            "cancel_grace",
            "forget",
            "pty",
            "user",
            "attach",
            "once",
            "linger",
            "keep",
            "on_full_drop",
            "heartbeat",
            "labels",
            "watch_jobs"),
        new TreeSet<>(features));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "'type':'hello'",
        "'type':'hello','version':2",
        "'type':'hello','version':2,'id':'h','colour':'green'",
        "'type':'hello','version':0,'token':7"
      })
  void anotherVersionEndsTheConnection(String keys) throws Exception {
    RawClient client = connect();
    client.send(frame(keys, "a body of the future"));
    Answer error = client.expectClose("unsupported_version");
    assertTrue(error.text("message").contains("expected: 1"), error::toString);
  }

  @Test
  void everyFrameOfAnAnswerRepeatsTheId() throws Exception {
    RawClient client = connect();
    String id = "é".repeat(32);

    client.send("'stdin':true,'job':'req-1','id':'" + id + "'", "cat; echo e >&2");
    client.send("'type':'stdin','job':'req-1','offset':0,'eof':true", "o");

    List<String> types = new ArrayList<>();
    for (Answer answer = client.next(); ; answer = client.next()) {
      assertEquals(id, answer.id(), answer::toString);
      types.add(answer.type());
      if (answer.isFinal()) {
        break;
      }
    }
    assertTrue(types.containsAll(List.of("started", "output", "stdin_ack", "end")), "" + types);
  }

  @Test
  void requestWithoutAnIdIsAnsweredWithoutOne() throws Exception {
    RawClient client = connect();
    client.send("", "echo none");
    for (Answer answer = client.next(); !answer.isFinal(); answer = client.next()) {
      assertNull(answer.id(), answer::toString);
    }
    client.send("'type':'status','job':'nobody'");
    assertNull(client.next().id());
  }

  @Test
  void idIsFreeAgainAfterTheFinalFrame() throws Exception {
    RawClient client = connect();
    for (int i = 0; i < 10; i++) {
      client.send("'id':'again'", "echo " + i);
      assertEquals(i + "\n", client.finish().out());
      client.send("'id':'again','type':'ping'");
      assertEquals("pong", client.next().type());
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "'id':'twice'|'id':'twice','type':'ping'",
        "'id':'twice'|'id':'twice','type':'nonesuch'",
        "'x-no':'id'|'type':'ping'",
        "'x-no':'id'|'argv':[]",
      })
  void idInFlightEndsTheConnection(String first, String second) throws Exception {
    RawClient client = connect();
    client.send(first, "exec sleep 100");
    long pid = client.nextOfType("started").number("pid");

    client.send(second);

    client.expectClose("duplicate_id");
    Until.gone(pid);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "'type':'hello','version':1",
        "'argv':['true']",
        "'type':'run','argv':['true']",
        "'type':'signal','job':'j','signal':'TERM'",
        "'type':'cancel','job':'j'",
        "'type':'status','job':'j'",
        "'type':'jobs'",
        "'type':'ping'",
      })
  void unknownKeyIsNamed(String keys) throws Exception {
    RawClient client = connect();
    Answer error = client.ask(keys + ",'timeout':5");
    assertEquals("bad_request", error.text("code"), error::toString);
    assertTrue(error.text("message").contains("timeout"), error::toString);
    assertFalse(error.header().has("close"), error::toString);

    Answer ignored = client.ask(keys + ",'x-timeout':[{'a':1.50e3,'b':null}],'x-':-0");
    assertFalse(ignored.text("code").equals("bad_request"), ignored::toString);
  }

  @Test
  void whatIsNotOfferedIsNamedAndStartsNothing() throws Exception {
    RawClient client = connect();
    Answer error = client.ask("'job':'refused','argv':['true'],'on_full':'spool','spool_bytes':5");
    assertEquals("unsupported", error.text("code"), error::toString);
    assertTrue(error.text("message").contains("on_full"), error::toString);
    assertEquals("unknown_job", client.ask("'type':'status','job':'refused'").text("code"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "'argv':['true'],'cwd':null",
        "'argv':['true'],'cwd':'tmp'",
        "'argv':['true'],'window':1023",
        "'argv':['true'],'retain':1023",
        "'argv':['true'],'window':1025,'retain':1024",
        "'argv':['true'],'window':1048577",
        "'argv':['true'],'timeout_ms':0",
        "'argv':['true'],'timeout_ms':'5'",
        "'argv':['true'],'grace_ms':-1",
        "'argv':['true'],'stdin':'yes'",
        "'argv':['true'],'leftovers':'drop'",
        "'argv':['true'],'job':'.hidden'",
        "'argv':['true','\\u0000']",
        "'argv':['true','\\udc00']",
        "'argv':[]",
        "'argv':'true'",
        "'argv':['true'],'argv_body':true",
        "'argv':['true'],'env':{'A=B':'c'}",
        "'argv':['true'],'env':{'A':5}",
        "'type':'signal','job':'j','signal':'SIGTERM'",
        "'type':'signal','job':'j'",
        "'type':'cancel'",
        "'type':'status','job':7",
        "'type':'jobs','state':'done'",
        "'type':'jobs','limit':0",
        "'type':7",
        "'x-nothing':'to run'",
      })
  void badRequestEndsThatRequestAlone(String keys) throws Exception {
    RawClient client = connect();
    client.send("'id':'other'", "echo other");

    Answer error = client.ask(keys);

    assertEquals("bad_request", error.text("code"), error::toString);
    assertFalse(error.header().has("close"), error::toString);
    assertEquals("other\n", client.finish("other").out());
  }

  @Test
  void unknownTypeIsToldAsSuch() throws Exception {
    Answer error = connect().ask("'type':'rn'");
    assertEquals("unknown_type", error.text("code"));
    assertTrue(error.text("message").contains("rn"), error::toString);
  }

  @ParameterizedTest
  @ValueSource(strings = {"'type':'status'", "'type':'cancel'", "'type':'signal','signal':'INT'"})
  void unknownJobIsNamed(String keys) throws Exception {
    Answer error = connect().ask(keys + ",'job':'nobody'");
    assertEquals("unknown_job", error.text("code"));
    assertEquals("nobody", error.text("job"));
    assertTrue(error.text("message").contains("nobody"), error::toString);
  }

  @Test
  void nameInUseIsRefusedAlsoAfterTheJobsEnd() throws Exception {
    RawClient client = connect();
    client.send("'id':'a','job':'req-2','stdin':true", "cat");
    client.send("'id':'b','job':'req-2'", "echo second");
    Answer error = client.finalOf("b");
    assertEquals("job_exists", error.text("code"));
    assertEquals("req-2", error.text("job"));
    assertTrue(error.text("message").contains("req-2"), error::toString);

    client.send("'type':'stdin','job':'req-2','offset':0,'eof':true", "first");
    assertEquals("first", client.finish("a").out());

    Answer after = connect().ask("'job':'req-2','argv':['true']");
    assertEquals("job_exists", after.text("code"));
    assertEquals("req-2", after.text("job"));
  }

  @Test
  void bootOfAnotherLifeIsStale() throws Exception {
    RawClient client = connect();
    String boot = client.ask("'type':'hello','version':1").text("boot");

    Answer stale = client.ask("'boot':'" + boot + "x','job':'req-3','argv':['true']");
    assertEquals("stale", stale.text("code"));
    assertTrue(stale.text("message").contains(boot), stale::toString);

    Answer right = client.ask("'boot':'" + boot + "','job':'req-3','argv':['true']");
    assertEquals("end", right.type());
  }

  @Test
  void startedNamesTheNodeAndItsLife() throws Exception {
    RawClient client = connect();
    client.send("'stdin':true", "exec cat");
    Answer started = client.next();

    assertEquals("started", started.type());
    assertEquals("test", started.text("node"));
    assertEquals(node().registry().node().boot(), started.text("boot"));
    assertEquals("running", started.text("state"));
    assertEquals(65_536, started.number("stdin_window"));
    assertEquals(0, started.number("next"));
    assertTrue(Until.isAlive(started.number("pid")));
  }

  @Test
  void requestsTakeEffectInTheOrderSent() throws Exception {
    RawClient client = connect();
    client.send(
        together(
            frame("'type':'status','job':'req-4','id':'before'"),
            frame("'job':'req-4','id':'run'", "exec sleep 100"),
            frame("'type':'status','job':'req-4','id':'after'"),
            frame("'type':'signal','job':'req-4','signal':'KILL','id':'signal'"),
            frame("'type':'ping','id':'ping'")));

    assertEquals("unknown_job", client.finalOf("before").text("code"));
    assertEquals("status", client.finalOf("after").type());
    assertEquals("ok", client.finalOf("signal").type());
    assertEquals("pong", client.finalOf("ping").type());
    RawClient.Ran ran = client.finish("run");
    assertEquals("signaled", ran.outcome());
    assertEquals("KILL", ran.end().path("signal").asText());
  }
}
