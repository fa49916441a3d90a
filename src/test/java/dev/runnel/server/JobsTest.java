package dev.runnel.server;

import static dev.runnel.server.RawClient.frame;
import static dev.runnel.server.RawClient.together;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.runnel.server.RawClient.Answer;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Several jobs at once, and what is told of jobs. */
class JobsTest extends NodeTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @Test
  void statusTellsWhereAJobStands() throws Exception {
    RawClient client = connect();
    client.send(
        together(
            frame("'id':'r','job':'st-1','stdin':true", "cat; exit 7"),
            frame("'id':'s','type':'status','job':'st-1'")));
    Answer early = client.finalOf("s");
    assertTrue(Set.of("starting", "running").contains(early.text("state")), early::toString);
    assertEquals("st-1", early.text("job"));

    long pid = client.nextThat(answer -> answer.type().equals("started")).number("pid");
    client.send("'type':'stdin','job':'st-1','offset':0", "12345");
    assertEquals("12345", client.output(5));
    JsonNode during = connect().ask("'type':'status','job':'st-1'").header();
    assertEquals("running", during.path("state").asText());
    assertEquals("anonymous", during.path("principal").asText());
    assertEquals("/bin/sh -c cat; exit 7", during.path("command").asText());
    assertEquals(pid, during.path("pid").asLong());
    assertEquals(5, during.path("output_bytes").asLong());
    assertEquals(1, during.path("followers").asInt());
    assertTrue(during.path("started_at_ms").asLong() > 0, during::toString);
    assertFalse(during.has("outcome"), during::toString);

    client.send("'type':'stdin','job':'st-1','offset':5,'eof':true");
    JsonNode end = client.finish("r").end();
    JsonNode after = client.ask("'type':'status','job':'st-1'").header();
    assertEquals("ended", after.path("state").asText());
    assertEquals(0, after.path("followers").asInt());
    end.fieldNames()
        .forEachRemaining(
            key -> {
              if (!Set.of("id", "type", "gap_bytes").contains(key)) {
                assertEquals(end.get(key), after.get(key), key);
              }
            });
    assertFalse(after.has("gap_bytes"), after::toString);
  }

  @Test
  void statusShortensCommands() throws Exception {
    RawClient client = connect();
    client.ask("'job':'st-2','argv':['true','" + "é".repeat(1000) + "']");
    String command = client.ask("'type':'status','job':'st-2'").text("command");
    assertEquals(256, command.length());
  }

  @Test
  void listsJobsByPrefixStateAndLimit() throws Exception {
    RawClient client = connect();
    for (String name : List.of("list-c", "list-a", "list-b")) {
      assertEquals("end", client.ask("'job':'" + name + "','argv':['true']").type());
    }
    client.send("'id':'r','job':'list-d'", "exec sleep 100");
    assertEquals("started", client.nextOf("r").type());

    assertEquals(
        List.of("list-a", "list-b", "list-c", "list-d"), names(client, ",'prefix':'list-'"));
    assertEquals(List.of("list-a", "list-b"), names(client, ",'prefix':'list-','limit':2"));
    assertEquals(List.of("list-d"), names(client, ",'prefix':'list-','state':'running'"));
    assertEquals(
        List.of("list-a", "list-b", "list-c"),
        names(client, ",'prefix':'list-','state':'ended','limit':100000"));
    assertEquals(List.of(), names(client, ",'prefix':'nothing-begins-so'"));
    assertTrue(names(client, "").contains("list-a"));
  }

  @Test
  void longListsComeInSeveralFrames() throws Exception {
    RawClient client = connect();
    String longest = "𝄞".repeat(250);
    for (int i = 0; i < 50; i++) {
      client.send("'id':'" + i + "','job':'long-" + i + "','argv':['true','" + longest + "']");
    }
    for (int i = 0; i < 50; i++) {
      assertEquals("end", client.finalOf("" + i).type());
    }

    client.send("'type':'jobs','prefix':'long-','id':'l'");

    int frames = 1;
    List<String> names = new ArrayList<>();
    for (Answer part = client.nextOf("l"); addNames(names, part); part = client.nextOf("l")) {
      frames++;
    }
    assertTrue(frames > 1, "frames: " + frames);
    assertEquals(50, names.size());
    assertEquals(names.stream().sorted(Comparator.naturalOrder()).toList(), names);
  }

  private static List<String> names(RawClient client, String keys) throws Exception {
    client.send("'type':'jobs','id':'jobs'" + keys);
    List<String> names = new ArrayList<>();
    boolean more = true;
    while (more) {
      more = addNames(names, client.nextOf("jobs"));
    }
    return names;
  }

  // Whether there are more to come.
  private static boolean addNames(List<String> names, Answer part) throws IOException {
    JSON.readTree(part.body()).forEach(status -> names.add(status.path("job").asText()));
    return !part.isFinal();
  }

  @Test
  void serverMakesNamesThatDiffer() throws Exception {
    RawClient client = connect();
    String first = client.ask("'argv':['true']").text("job");
    String second = client.ask("'argv':['true']").text("job");
    assertTrue(first.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,63}"), first);
    assertFalse(first.equals(second));
  }

  @Test
  void signalReachesTheJobsProcessGroup() throws Exception {
    RawClient client = connect();
    client.send(
        "'id':'r','job':'sig-1'",
        "trap 'echo trapped; exit 5' USR1; sh -c 'echo ready; exec sleep 100'");
    client.output("ready\n".length());

    Answer ok = connect().ask("'type':'signal','job':'sig-1','signal':'USR1'");

    assertEquals("ok", ok.type());
    assertEquals("running", ok.text("state"));
    RawClient.Ran ran = client.finish("r");
    assertEquals("trapped\n", ran.out());
    assertEquals(5, ran.end().path("exit_code").asInt(-1));
    assertEquals("exited", ran.outcome());
    Answer late = client.ask("'type':'signal','job':'sig-1','signal':'USR1'");
    assertEquals("ended", late.text("state"));
  }

  @Test
  void signalMaySetOutTogetherWithItsJob() throws Exception {
    RawClient client = connect();
    client.send(
        together(
            frame("'id':'r','job':'sig-2'", "exec sleep 100"),
            frame("'id':'s','type':'signal','job':'sig-2','signal':'HUP'")));

    assertEquals("ok", client.finalOf("s").type());
    assertEquals("HUP", client.finish("r").end().path("signal").asText());
  }

  @Test
  void jobsOfAConnectionRunAtOnceAndGoInTurn() throws Exception {
    RawClient client = connect();
    client.send("'id':'e1','job':'turn-1'", "exec yes one");
    client.send("'id':'e2','job':'turn-2'", "exec yes two >&2");
    // Both have the connection's output to themselves as far as it goes.
    client.nextThat(answer -> "e1".equals(answer.id()) && answer.number("offset") > 500_000);
    client.nextThat(answer -> "e2".equals(answer.id()) && answer.number("offset") > 500_000);

    client.send("'id':'s'", "echo short; exit 4");
    assertEquals("pong", client.ask("'type':'ping'").type());
    RawClient.Ran shortOne = client.finish("s");
    assertEquals("short\n", shortOne.out());
    assertEquals(4, shortOne.end().path("exit_code").asInt());
    client.nextThat(answer -> "e1".equals(answer.id()) && answer.number("offset") > 1_000_000);
    client.nextThat(answer -> "e2".equals(answer.id()) && answer.number("offset") > 1_000_000);

    client.send("'type':'cancel','job':'turn-1','id':'c1'");
    client.send("'type':'cancel','job':'turn-2','id':'c2'");
    assertEquals("canceled", client.finish("e1").outcome());
    assertEquals("canceled", client.finish("e2").outcome());
  }

  @Test
  void silentJobsDoNotHoldUpOthers() throws Exception {
    RawClient client = connect();
    for (int i = 0; i < 20; i++) {
      client.send("'id':'w" + i + "','stdin':true,'job':'silent-" + i + "'", "cat");
    }
    client.send("'id':'s'", "echo done");
    assertEquals("done\n", client.finish("s").out());
    for (int i = 19; i >= 0; i--) {
      client.send("'type':'stdin','job':'silent-" + i + "','offset':0,'eof':true", "" + i);
      assertEquals("" + i, client.finish("w" + i).out());
    }
  }

  @Test
  void nothingCarriesAnIdAfterItsFinalFrame() throws Exception {
    RawClient client = connect();
    for (int i = 0; i < 20; i++) {
      client.send("'id':'" + i + "','stdin':true,'job':'once-" + i + "'", "head -c 1; exit " + i);
      client.send("'type':'stdin','job':'once-" + i + "','offset':0", "ab");
    }
    for (int i = 0; i < 20; i++) {
      assertEquals(i, client.finish("" + i).end().path("exit_code").asInt());
    }
    // Anything after a final frame fails the client that reads it.
    for (int i = 0; i < 20; i++) {
      assertEquals("pong", client.ask("'type':'ping'").type());
    }
    assertEquals(0, client.keptFrames());
  }
}
