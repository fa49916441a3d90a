package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.runnel.Daemon;
import dev.runnel.Tool;
import dev.runnel.cli.Cli;
import dev.runnel.cli.Client;
import dev.runnel.fanout.FanOut;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Nodes that know each other: real daemons on loopback addresses of their own. */
@Tag("slow")
@Tag("either")
class ClusterTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static Nodes nodes;

  @BeforeAll
  static void start() throws Exception {
    nodes = Nodes.start(3);
    nodes.awaitAll();
  }

  @AfterAll
  static void end() throws Exception {
    nodes.close();
  }

  @Test
  void everyNodeListsAllOfThem() throws Exception {
    for (int number = 1; number <= 3; number++) {
      try (RawClient client = nodes.connect(number)) {
        List<String> found = new ArrayList<>();
        for (JsonNode node : JSON.readTree(client.ask("'type':'nodes'").body())) {
          // Another test may have lost one, which is started anew since.
          if (node.path("state").asText().equals("lost")) {
            continue;
          }
          found.add(node.path("node").asText() + node.path("labels"));
          assertEquals("ready", node.path("state").asText(), node::toString);
          assertTrue(node.path("room").asInt() > 900, node::toString);
          assertTrue(node.path("age_ms").asLong(-1) >= 0, node::toString);
        }
        assertEquals(
            List.of("n1{\"number\":\"1\"}", "n2{\"number\":\"2\"}", "n3{\"number\":\"3\"}"), found);
      }
    }
  }

  @Test
  void runsOnTheNodeThatIsNamedOrChosen() throws Exception {
    try (RawClient client = nodes.connect(1)) {
      assertEquals("n2", ran(client, "'node':'n2'"));
      assertEquals("n1", ran(client, "'node':'n1'"));
      assertEquals("n1", ran(client, "'x-nothing':1"));
      assertEquals("n3", ran(client, "'where':{'number':'3'}"));
      assertTrue(Set.of("n1", "n2", "n3").contains(ran(client, "'node':'any'")));
      client.send("'id':'r','node':'n9'", "true");
      assertEquals("unavailable", client.finalOf("r").text("code"));
      client.send("'id':'r','where':{'number':'9'}", "true");
      assertEquals("unavailable", client.finalOf("r").text("code"));
    }
  }

  @Test
  void oneLineCommandsAllNodesThroughOneDoor() {
    assertEquals(
        List.of("n1: n1", "n2: n2", "n3: n3"),
        commanded(
            "--all",
            "-c",
            "tr '\\0' ' ' </proc/$PPID/cmdline | sed 's/.*--node \\([^ ]*\\) .*/\\1/'"));
    assertEquals(
        List.of("n2: here"), commanded("--all", "--where", "number=2", "--", "echo", "here"));
    assertEquals(
        List.of("--- n[1-3] (3)", "same"), commanded("--all", "--fold", "--", "echo", "same"));
  }

  private static List<String> commanded(String... words) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    List<String> all = new ArrayList<>(List.of("exec", "-H", nodes.host(1)));
    all.addAll(List.of(words));
    int code = Client.run(Cli.exec(FanOut::run), out, err, all.toArray(String[]::new));
    assertEquals(0, code, () -> err.toString(StandardCharsets.UTF_8));
    return out.toString(StandardCharsets.UTF_8).lines().sorted().toList();
  }

  private static String ran(RawClient client, String placement) throws Exception {
    client.send("'id':'r'," + placement, "echo $0; exit 3");
    RawClient.Answer started = client.nextOf("r");
    RawClient.Ran ran = client.finish("r");
    assertEquals(3, ran.end().path("exit_code").asInt(-1), () -> "" + ran.end());
    assertEquals("/bin/sh\n", ran.out());
    String node = started.text("node");
    // The name alone says where it is.
    assertTrue(ran.job().startsWith(node + "-"), ran.job());
    return node;
  }

  @Test
  void aJobIsFoundThroughEveryDoor() throws Exception {
    try (RawClient first = nodes.connect(1);
        RawClient third = nodes.connect(3)) {
      first.send("'id':'r','node':'n2','job':'found','stdin':true", "echo begun; cat");
      assertEquals("begun\n", first.output(6));
      assertEquals("running", third.ask("'type':'status','job':'found'").text("state"));
      third.send("'type':'attach','id':'a','job':'found'");
      RawClient.Answer started = third.nextOf("a");
      assertEquals("n2", started.text("node"));
      assertTrue(started.header().path("existing").asBoolean(), started::toString);
      assertEquals("begun\n", third.output(6));
      first.send("'type':'stdin','job':'found','offset':0", "fed\n");
      assertEquals("fed\n", third.output(4));
      assertEquals(
          "running", third.ask("'type':'signal','job':'found','signal':'CONT'").text("state"));
      third.send("'type':'detach','id':'d','follow':'a'");
      assertEquals("asked", third.finalOf("a").text("reason"));
      assertEquals("ok", third.finalOf("d").type());
      third.send("'type':'attach','id':'b','job':'found','runner':true,'from':6");
      assertEquals("replaced", first.finalOf("r").text("reason"));
      assertEquals("ok", third.ask("'type':'cancel','job':'found','grace_ms':0").type());
      RawClient.Ran ran = third.finish("b");
      assertEquals("canceled", ran.outcome());
      assertEquals("fed\n", ran.out());
      assertEquals("ended", first.ask("'type':'status','job':'found'").text("state"));
      assertEquals("unknown_job", first.ask("'type':'status','job':'lost-and'").text("code"));
    }
  }

  @Test
  void theSameStartThroughTwoDoorsStartsOneCommand(@TempDir Path folder) throws Exception {
    try (RawClient first = nodes.connect(1);
        RawClient third = nodes.connect(3)) {
      String[] placements = {"'x-a':1", "'node':'n2'", "'node':'any'"};
      for (int i = 0; i < 30; i++) {
        Path mark = folder.resolve("run-" + i);
        String run = "'id':'r','job':'once-" + i + "','once':'o" + i + "','linger_ms':60000,";
        String line = "echo run >> " + mark + "; sleep 0.02";
        first.send(run + placements[i % 3], line);
        third.send(run + placements[i / 3 % 3], line);
        // One may be told of the end, and the other that it took the seat.
        Set<String> ends = Set.of("exited", "replaced");
        RawClient.Ran one = first.finish("r");
        RawClient.Ran other = third.finish("r");
        assertTrue(ends.contains(end(one)), () -> "" + one.end());
        assertTrue(ends.contains(end(other)), () -> "" + other.end());
        assertEquals("run\n", Files.readString(mark));
      }
      third.send("'id':'r','job':'once-0','once':'another'", "true");
      assertEquals("job_exists", third.finalOf("r").text("code"));
    }
  }

  // The node that it is passed on to first says where else, and neither connection is there yet.
  @Test
  void aStartThatIsPassedOnTwiceIsAskedForOnce() throws Exception {
    String run = "'job':'passed-on','once':'o','linger_ms':60000";
    try (RawClient there = nodes.connect(3)) {
      there.send("'id':'r'," + run, "true");
      assertEquals("exited", there.finish("r").outcome());
    }
    try (RawClient first = nodes.connect(1)) {
      first.send("'id':'r','node':'n2'," + run, "true");
      assertEquals("exited", first.finish("r").outcome());
      // Comes after all that the same node had to say.
      assertEquals("ended", first.ask("'type':'status','job':'passed-on'").text("state"));
    }
  }

  @Test
  void aDoorPassesOnOutputOfAnyLengthAtTheClientsPace() throws Exception {
    try (RawClient client = nodes.connect(3)) {
      client.send("'id':'r','node':'n1'", "head -c 30000000 /dev/zero");
      // Nothing is read for now: neither the door nor the job's node may keep it.
      client.send("'type':'ping','id':'p'");
      assertEquals("pong", client.nextOf("p").type());
      RawClient.Ran ran = client.finish("r");
      assertEquals(30_000_000, ran.stdout().length);
      assertEquals(0, ran.end().path("gap_bytes").asInt(-1));
    }
  }

  @Test
  void listsTheJobsOfAllNodes() throws Exception {
    try (RawClient client = nodes.connect(2)) {
      for (int number = 1; number <= 3; number++) {
        client.send(
            "'id':'r" + number + "','node':'n" + number + "','job':'list-" + number + "'", "true");
        assertEquals("exited", client.finish("r" + number).outcome());
      }
      Set<String> found = new TreeSet<>();
      client.send("'type':'jobs','id':'l','prefix':'list-'");
      RawClient.Answer part;
      do {
        part = client.nextOf("l");
        JSON.readTree(part.body()).forEach(job -> found.add(job.path("job").asText()));
      } while (!part.isFinal());
      assertEquals(Set.of("list-1", "list-2", "list-3"), found);
      assertFalse(part.header().has("missing"), part::toString);
    }
  }

  @Test
  void onlyNodesAskOnBehalfOfOthers() throws Exception {
    String of =
        "'type':'hello','id':'h','version':1,'for':"
            + "{'principal':'root','source':'192.0.2.1','via':'tcp','door':'n3'}";
    try (RawClient stranger = new RawClient(nodes.frames(2))) {
      stranger.send(of);
      stranger.expectClose("unauthenticated");
    }
    try (RawClient guesser = new RawClient(nodes.frames(2))) {
      guesser.send(of + ",'token':'0123456789abcdef'");
      guesser.expectClose("unauthenticated");
    }
    try (RawClient client = nodes.connect(2)) {
      client.send(of);
      assertEquals("bad_request", client.finalOf("h").text("code"));
    }
  }

  @Tag("root")
  @Test
  void goesOnAtTheByteWhenAConnectionBetweenNodesBreaks() throws Exception {
    Tool.requireRoot("ClusterTest");
    Tool.require("ss", "ClusterTest");
    try (RawClient client = nodes.connect(3)) {
      client.send(
          "'id':'r','node':'n2','linger_ms':20000",
          "for i in 1 2 3 4 5 6; do head -c 100000 /dev/urandom; sleep 0.2; done");
      client.send(
          "'id':'c','node':'n2','linger_ms':20000,'stdin':true,'job':'fed','once':'o','window':4096",
          "sleep 0.5; cat");
      client.send("'type':'stdin','job':'fed','offset':0", "x".repeat(50_000));
      client.send("'type':'stdin','job':'fed','offset':50000,'eof':true", "y".repeat(10_000));
      for (int cut = 0; cut < 3; cut++) {
        RawClient.Answer output =
            client.nextThat(each -> each.type().equals("output") && "r".equals(each.id()));
        assertTrue(output.number("offset") >= 0);
        cut(nodes.address(2));
      }
      assertEquals("exited", client.finalOf("r").text("outcome"));
      long acked = 0;
      RawClient.Answer next = client.nextOf("c");
      while (!next.isFinal()) {
        if (next.type().equals("output")) {
          acked = next.number("offset") + next.body().length;
          client.send("'type':'ack','follow':'c','offset':" + acked);
        }
        next = client.nextOf("c");
      }
      assertEquals("exited", next.text("outcome"), next::toString);
      assertEquals(60_000, acked);
    }
  }

  private static String end(RawClient.Ran ran) {
    return ran.end().path("outcome").asText(ran.end().path("reason").asText());
  }

  private static void cut(String address) throws Exception {
    Process ss =
        new ProcessBuilder("ss", "-K", "-t", "dst", address, "dport", "=", "7868")
            .redirectErrorStream(true)
            .start();
    ss.getInputStream().readAllBytes();
    assertEquals(0, ss.waitFor());
  }

  @Test
  void theJobsOfAKilledNodeAreLostAndItsNameIsFree() throws Exception {
    new LostNodes(nodes).killed();
  }

  @Test
  void theOthersGoOnWithoutTheOldestThatIsStoppedAndItContradictsNothingLater(@TempDir Path folder)
      throws Exception {
    new LostNodes(nodes).oldestStopped(folder.resolve("once"));
  }

  @Test
  void aSecondNodeOfALivingNameDoesNotStart() throws Exception {
    try (Daemon second = nodes.add(4, "--node", "n2")) {
      // It starts, joins, and looks whether the other is about to go.
      var _ = second.process().waitFor(60, TimeUnit.SECONDS);
      assertEquals(1, second.exitCode());
      String log = second.log();
      assertTrue(log.contains("a node of the name n2 is in the cluster already, at "), log);
      assertTrue(log.contains(nodes.address(2) + ":"), log);
    }
  }

  @Test
  void aServerInNoClusterLoadsNoClassOfIt() throws Exception {
    List<String> options = List.of("-Xlog:class+load:stderr");
    try (Daemon alone = Daemon.start(options, "--insecure", "--listen", "127.0.0.1:0");
        RawClient client = new RawClient(alone.port())) {
      RawClient.Answer answer = client.ask("'type':'nodes'");
      assertEquals("unsupported", answer.text("code"), answer::toString);
      assertEquals(0, alone.log().lines().filter(line -> line.contains("hazelcast")).count());
      assertTrue(alone.log().contains("dev.runnel.daemon.Serve"));
    }
  }
}
