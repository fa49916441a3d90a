package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.runnel.security.identity.Tokens;
import dev.runnel.security.identity.Tokens.NewToken;
import dev.runnel.server.RawClient.Answer;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A list of jobs that goes on with what becomes of them. PROTOCOL.md, "Requests", {@code jobs}. */
class JobsWatchTest extends NodeTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final NewToken ALICE = Tokens.create("alice");
  private static final NewToken BOB = Tokens.create("bob");
  private static final AtomicInteger NAMES = new AtomicInteger();
  private static int port;

  private final String prefix = "watch-" + NAMES.incrementAndGet() + "-";

  @BeforeAll
  static void listen() throws Exception {
    port =
        node().listen(new Authentication.ByToken(Tokens.parse(List.of(ALICE.line(), BOB.line()))));
  }

  private RawClient connectAs(NewToken token) throws IOException {
    RawClient client = closed(new RawClient(port));
    client.ask("'type':'hello','version':1,'token':'" + token.secret() + "'");
    return client;
  }

  /** What a client knows by what it was told. */
  private static final class Table {
    private final RawClient client;
    private final Map<String, JsonNode> jobs = new LinkedHashMap<>();
    private boolean listed;
    private int resets;

    Table(RawClient client, String keys) throws IOException {
      this.client = client;
      client.send("'type':'jobs','id':'w','watch':true" + keys, "");
    }

    void until(Predicate<Map<String, JsonNode>> holds) throws IOException {
      while (!listed || !holds.test(jobs)) {
        Answer answer = client.nextOf("w");
        assertEquals("jobs", answer.type());
        assertTrue(!answer.header().path("final").asBoolean(true));
        if (answer.header().path("reset").asBoolean()) {
          resets++;
          jobs.clear();
          listed = false;
        }
        listed |= answer.header().path("listed").asBoolean();
        for (JsonNode status : JSON.readTree(answer.body())) {
          jobs.put(status.path("job").asText(), status);
        }
        answer.header().path("gone").forEach(name -> jobs.remove(name.asText()));
      }
    }

    void until(String job, String state) throws IOException {
      until(all -> all.containsKey(job) && all.get(job).path("state").asText().equals(state));
    }
  }

  @Test
  void tellsWhatThereIsAndWhatBecomesOfIt() throws Exception {
    RawClient owner = connectAs(ALICE);
    String before = prefix + "before";
    owner.send("'id':'b','job':'" + before + "'", "true");
    owner.finalOf("b");
    Table table = new Table(connectAs(ALICE), ",'prefix':'" + prefix + "'");
    table.until(before, "ended");
    assertEquals(List.of(before), List.copyOf(table.jobs.keySet()));
    String later = prefix + "later";
    owner.send("'id':'l','job':'" + later + "','stdin':true", "read x; exit 3");
    table.until(later, "running");
    owner.send("'type':'stdin','job':'" + later + "','offset':0", "\n");
    table.until(later, "ended");
    JsonNode status = Objects.requireNonNull(table.jobs.get(later));
    assertEquals(3, status.path("exit_code").asInt());
    assertEquals("ok", owner.ask("'type':'forget','job':'" + later + "'").type());
    table.until(all -> !all.containsKey(later));
    assertEquals(0, table.resets);
  }

  @Test
  void whatFitsNoLongerIsGone() throws Exception {
    Table table =
        new Table(connectAs(ALICE), ",'state':'running','labels':{'watched':'" + prefix + "'}");
    RawClient owner = connectAs(ALICE);
    String job = prefix + "a";
    String label = ",'labels':{'watched':'" + prefix + "'}";
    owner.send("'id':'a','stdin':true,'job':'" + job + "'" + label, "read x");
    owner.send("'id':'o','job':'" + prefix + "other'", "true");
    table.until(job, "running");
    owner.send("'type':'stdin','job':'" + job + "','offset':0", "\n");
    table.until(Map::isEmpty);
  }

  @Test
  void othersJobsAreNeitherToldNorGone() throws Exception {
    RawClient bob = connectAs(BOB);
    bob.send("'type':'jobs','id':'w','watch':true", "");
    assertTrue(bob.nextOf("w").header().path("listed").asBoolean());
    RawClient alice = connectAs(ALICE);
    alice.send("'id':'a','job':'" + prefix + "hers'", "true");
    alice.finalOf("a");
    assertEquals("ok", alice.ask("'type':'forget','job':'" + prefix + "hers'").type());
    bob.send("'id':'b','job':'" + prefix + "his'", "true");
    bob.finalOf("b");
    while (true) {
      Answer told = bob.nextOf("w");
      assertTrue(!told.toString().contains("hers") && !told.header().has("gone"), told::toString);
      if (new String(told.body(), java.nio.charset.StandardCharsets.UTF_8).contains("his")) {
        break;
      }
    }
  }

  @Test
  void detachEndsIt() throws Exception {
    RawClient client = connectAs(ALICE);
    client.send("'type':'jobs','id':'w','watch':true,'prefix':'" + prefix + "'", "");
    assertTrue(client.nextOf("w").header().path("listed").asBoolean());
    Answer ok = client.ask("'type':'detach','follow':'w'");
    assertEquals("ok", ok.type());
    Answer last = client.finalOf("w");
    assertEquals("detached", last.type());
    assertEquals("asked", last.text("reason"));
    assertEquals("error", client.ask("'type':'detach','follow':'w'").type());
    client.send("'type':'jobs','id':'w','watch':true", "");
    assertEquals("jobs", client.nextOf("w").type());
  }

  @Test
  void fourAtOnceOnAConnection() throws Exception {
    RawClient client = connectAs(ALICE);
    for (int i = 1; i <= 4; i++) {
      client.send("'type':'jobs','id':'w" + i + "','watch':true", "");
      assertEquals("jobs", client.nextOf("w" + i).type());
    }
    assertEquals(
        "jobs that are watched: limit: 4 lists",
        client.ask("'type':'jobs','watch':true").text("message"));
    // It takes requests as ever.
    assertEquals("pong", client.ask("'type':'ping'").type());
  }

  @Test
  void listGoesOnBehindACursor() throws Exception {
    RawClient client = connectAs(ALICE);
    for (String name : List.of("a", "b", "c")) {
      client.send("'id':'" + name + "','job':'" + prefix + name + "'", "true");
      client.finalOf(name);
    }
    Answer rest =
        client.ask("'type':'jobs','prefix':'" + prefix + "','after':'" + prefix + "a','limit':1");
    JsonNode jobs = JSON.readTree(rest.body());
    assertEquals(1, jobs.size());
    assertEquals(prefix + "b", jobs.get(0).path("job").asText());
    assertEquals("error", client.ask("'type':'jobs','after':'-'").type());
  }
}
