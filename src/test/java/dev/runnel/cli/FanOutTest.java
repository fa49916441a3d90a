package dev.runnel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.runnel.fanout.FanOut;
import dev.runnel.model.JobState;
import dev.runnel.server.Authentication;
import dev.runnel.server.TestNode;
import dev.runnel.server.Until;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** One command on several servers, over real sockets, as {@code exec} has it. */
@NullMarked
@Tag("slow")
@Tag("either")
@Timeout(120)
@SuppressWarnings("NullAway.Init") // Set before all.
class FanOutTest {
  private static final int PORTS = 6;
  private static final VerbDefinition EXEC = Cli.exec(FanOut::run);
  private static final ObjectMapper JSON = new ObjectMapper();

  private static TestNode server;
  private static List<Integer> ports;

  @TempDir private Path folder;

  @BeforeAll
  static void start() {
    server = new TestNode();
    ports = new ArrayList<>(List.of(server.port()));
    while (ports.size() < PORTS) {
      ports.add(server.listen(new Authentication.Open("anonymous")));
    }
  }

  @AfterAll
  static void end() {
    server.close();
  }

  /** Names web1 and so on, one for each port, by the user's file of hosts. */
  private Client client(String... more) throws IOException {
    StringBuilder hosts = new StringBuilder("hosts:\n");
    for (int i = 0; i < PORTS; i++) {
      hosts.append("  web" + (i + 1) + ":\n    host: 127.0.0.1:" + ports.get(i) + "\n");
      hosts.append("    env:\n      NUMBER: " + (i + 1) + "\n");
    }
    for (int i = 0; i < more.length; i += 2) {
      hosts.append("  " + more[i] + ":\n    host: " + more[i + 1] + "\n");
    }
    Files.createDirectories(folder.resolve("runnel"));
    Files.writeString(folder.resolve("runnel/config.yaml"), hosts);
    return new Client()
        .env(Map.of("XDG_CONFIG_HOME", folder.toString(), "XDG_RUNTIME_DIR", Client.NOWHERE));
  }

  private static int run(Client client, String... words) {
    List<String> all = new ArrayList<>(List.of("exec"));
    all.addAll(List.of(words));
    return client.run(EXEC, all.toArray(String[]::new));
  }

  private static List<String> sorted(String text) {
    return text.lines().sorted().toList();
  }

  @Test
  void linesAreWholeAndNamedWhileAllPrintAtOnce() throws Exception {
    Client client = client();
    String script =
        "i=0; while [ $i -lt 300 ]; do printf a$i; echo b; echo e >&2; i=$((i+1)); done";
    assertEquals(0, run(client, "--on", "web[1-6]", "-c", script), client::err);
    TreeSet<String> expected = new TreeSet<>();
    for (int node = 1; node <= PORTS; node++) {
      for (int i = 0; i < 300; i++) {
        expected.add("web" + node + ": a" + i + "b");
      }
    }
    assertEquals(List.copyOf(expected), sorted(client.out()));
    assertEquals(300 * PORTS, client.err().lines().filter(l -> l.matches("web\\d: e")).count());
    // In its own order each.
    List<String> first = client.out().lines().filter(line -> line.startsWith("web1:")).toList();
    assertEquals("web1: a0b", first.getFirst());
    assertEquals("web1: a299b", first.getLast());
  }

  @Test
  void theWorstExitCodeIsOursAndEachFailureIsNamed() throws Exception {
    Client client = client();
    Path report = folder.resolve("report");
    String script = "case $NUMBER in 3) exit 3;; 5) kill -9 $$;; esac";
    assertEquals(137, run(client, "--on", "web[1-6]", "--report", "" + report, "-c", script));
    assertTrue(client.err().contains("web3: exit code 3\n"), client::err);
    assertTrue(client.err().contains("web5: ended by SIGKILL\n"), client::err);
    assertTrue(client.err().contains("2 of 6 failed: web["), client::err);
    List<String> lines = Files.readAllLines(report);
    assertEquals(PORTS, lines.size());
    JsonNode third = JSON.readTree(lines.get(2));
    assertEquals("web3", third.path("node").asText());
    assertEquals(3, third.path("exit_status").asInt());
    assertEquals("exited", third.path("outcome").asText());
    assertEquals(0, third.path("stdout").path("bytes").asInt(-1));
    assertEquals(3, run(client(), "--on", "web[1-3]", "-q", "-c", script));
  }

  @Test
  void aDeadServerAndOneThatNeverAnswersCostTheirOwnTimeoutOnly() throws Exception {
    int dead;
    try (ServerSocket gone = new ServerSocket(0, 1, InetAddress.ofLiteral("127.0.0.1"))) {
      dead = gone.getLocalPort();
    }
    try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.ofLiteral("127.0.0.1"))) {
      Client client =
          client("dead", "127.0.0.1:" + dead, "mute", "127.0.0.1:" + silent.getLocalPort());
      Path report = folder.resolve("report");
      CompletableFuture<Integer> code =
          CompletableFuture.supplyAsync(
              () ->
                  run(
                      client,
                      "--on",
                      "mute,dead,web[1-6]",
                      "--parallel",
                      "2",
                      "--connect-timeout",
                      "4s",
                      "--report",
                      "" + report,
                      "--",
                      "echo",
                      "here"));
      // While the silent one is still waited for.
      for (int node = 1; node <= PORTS; node++) {
        client.awaitOut("web" + node + ": here\n");
      }
      assertEquals(255, code.get(60, TimeUnit.SECONDS));
      assertEquals(PORTS, client.out().lines().count(), client::out);
      assertTrue(client.err().contains("dead: cannot reach"), client::err);
      assertTrue(client.err().contains(": Connection refused\n"), client::err);
      assertTrue(client.err().contains("mute: was not reached within 4000 ms"), client::err);
      assertTrue(client.err().contains("2 of 8 failed: mute,dead\n"), client::err);
      List<String> lines = Files.readAllLines(report);
      assertEquals(8, lines.size());
      assertEquals(255, JSON.readTree(lines.get(1)).path("exit_status").asInt());
      assertTrue(lines.get(1).contains("\"failure\":\"cannot reach"), lines.get(1));
    }
  }

  @Test
  void whatIsTheSameIsShownOnce() throws Exception {
    Client client = client();
    String script = "[ $NUMBER = 4 ] && echo odd || echo even; printf end";
    assertEquals(0, run(client, "--on", "web[1-6]", "--parallel", "1", "--fold", "-c", script));
    assertEquals(
        "--- web[1-3,5-6] (5)\neven\nend\n--- web4 (1)\nodd\nend\n", client.out(), client::err);
  }

  @Test
  void eachNodeHasFilesOfItsOwn() throws Exception {
    Client client = client();
    Path out = folder.resolve("new/out");
    String script = "printf 'no end'; echo e >&2; exit 4";
    assertEquals(4, run(client, "--on", "web[1-2]", "--out", "" + out, "-c", script));
    assertEquals("", client.out());
    assertEquals("no end", Files.readString(out.resolve("web1.out")));
    assertEquals("e\n", Files.readString(out.resolve("web2.err")));
    // Nothing of an earlier run is left to be taken for one of this.
    assertEquals(0, run(client, "--on", "web[1-2]", "--out", "" + out, "--", "true"));
    assertEquals("", Files.readString(out.resolve("web1.out")));
  }

  @Test
  void noMoreThanSoManyRunAtATime() throws Exception {
    Client client = client();
    Path there = Files.createDirectory(folder.resolve("there"));
    String script =
        "cd '"
            + there
            + "' && touch $$ && ls | wc -l && i=0 && "
            + "while [ $i -lt 500 ]; do i=$((i+1)); done; rm $$";
    assertEquals(0, run(client, "--on", "web[1-6]", "--parallel", "2", "-c", script), client::err);
    List<String> counts = client.out().lines().toList();
    assertEquals(PORTS, counts.size());
    assertTrue(counts.stream().allMatch(l -> l.endsWith(": 1") || l.endsWith(": 2")), client::out);
  }

  @Test
  void theFirstFailureEndsTheOthersIfAskedFor() throws Exception {
    Client client = client();
    String script = "[ $NUMBER = 2 ] && exit 9; exec sleep 600";
    assertEquals(
        9, run(client, "--on", "web[1-6]", "--parallel", "3", "--fail-fast", "-c", script));
    assertTrue(client.err().contains(": exit code 9\n"), client::err);
    assertTrue(client.err().contains("6 of 6 failed: web[1-6]\n"), client::err);
    assertTrue(client.err().contains("not begun: "), client::err);
    awaitNoJobs();
  }

  private static void awaitNoJobs() throws Exception {
    Until.holds("no job is left", FanOutTest::isIdle);
  }

  private static boolean isIdle() {
    return server.registry().starting() == 0
        && server.registry().census().getOrDefault(JobState.RUNNING, 0) == 0;
  }

  @Test
  void stdinGoesToAllIfAskedForAlsoToThoseThatBeginLater() throws Exception {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 40_000; i++) {
      text.append("line ").append(i).append('\n');
    }
    Client client = client().stdin(text.toString());
    String[] words = {"--on", "web[1-6]", "--parallel", "2", "--fold", "--stdin", "--", "cksum"};
    assertEquals(0, run(client, words), client::err);
    assertTrue(client.out().startsWith("--- web[1-6] (6)\n"), client::out);
    assertTrue(client.out().contains(" " + text.length() + "\n"), client::out);
    Client without = client().stdin("never sent");
    assertEquals(0, run(without, "--on", "web1", "--", "cat"), without::err);
    assertEquals("", without.out());
  }

  @Test
  void interruptGoesToAllAndTheSecondOneCancelsAll() throws Exception {
    Client client = client();
    String script = "trap 'echo got' INT; echo ready; while :; do sleep 0.05; done";
    CompletableFuture<Integer> code =
        CompletableFuture.supplyAsync(
            () ->
                run(client, "--on", "web[1-6]", "--parallel", "4", "--grace", "0s", "-c", script));
    Until.holds("four are ready", () -> count(client, "ready") == 4);
    client.raise("INT");
    Until.holds("all have it", () -> count(client, "got") == 4);
    client.raise("INT");
    assertEquals(130, code.get(60, TimeUnit.SECONDS));
    assertEquals(4, count(client, "ready"));
    assertTrue(client.err().contains("not begun: web[5-6]\n"), client::err);
    assertTrue(client.err().contains("6 of 6 failed: web[1-6]\n"), client::err);
    awaitNoJobs();
  }

  private static long count(Client client, String word) {
    return client.out().lines().filter(line -> line.endsWith(": " + word)).count();
  }

  @Test
  void aThirdInterruptWaitsForNothing() throws Exception {
    Client client = client();
    Path report = folder.resolve("report");
    CompletableFuture<Integer> code =
        CompletableFuture.supplyAsync(
            () ->
                run(
                    client,
                    "--on",
                    "web[1-2]",
                    "--report",
                    "" + report,
                    "--grace",
                    "3s",
                    "-c",
                    "trap '' INT TERM; echo ready; while :; do sleep 0.05; done"));
    Until.holds("both are ready", () -> count(client, "ready") == 2);
    client.raise("INT");
    client.raise("INT");
    client.raise("INT");
    assertEquals(130, client.halted());
    for (String line : Files.readAllLines(report)) {
      assertEquals(130, JSON.readTree(line).path("exit_status").asInt(), line);
    }
    // A process of its own would be gone by now.
    var _ = code.get(60, TimeUnit.SECONDS);
    awaitNoJobs();
  }

  @Test
  void aListOfHostsMayHaveComments() throws Exception {
    Client client = client();
    Path list = folder.resolve("list");
    Files.writeString(list, "# ours\nweb[1-2] # the first\n\nweb4\n");
    assertEquals(0, run(client, "--hosts-file", "" + list, "--", "echo", "x"), client::err);
    assertEquals(List.of("web1: x", "web2: x", "web4: x"), sorted(client.out()));
  }

  @Test
  void wrongUsageRunsNothing() throws Exception {
    try (Stream<String> wrong =
        Stream.of(
            "--on web1 --all",
            "--on web1 -H web2",
            "--on web[1-",
            "--on web1 -t",
            "--on web1 --job x",
            "--on web1 --parallel 0",
            "--parallel 3",
            "--fold",
            "--hosts-file /nonexistent",
            "--on web1 --report /nonexistent/x")) {
      for (String words : wrong.toList()) {
        Client client = client();
        String[] all = (words + " -- echo ran").split(" ", -1);
        assertEquals(255, run(client, all), words);
        assertEquals("", client.out(), words);
        assertEquals(1, client.err().lines().count(), client::err);
      }
    }
  }
}
