package dev.runnel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.TerminalSize;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The verbs that ask, and what is said of those that are not. */
@NullMarked
class VerbsTest {
  private static final String STATUS =
      "{\"job\":\"build-7\",\"state\":\"running\",\"principal\":\"ann\",\"command\":\"make\\n\\u001b[2J\","
          + "\"pid\":7,\"output_bytes\":123,\"followers\":1,\"started_at_ms\":1000}";
  private static final String ENDED =
      "{\"job\":\"b\",\"state\":\"ended\",\"principal\":\"bob\",\"command\":\"true\",\"followers\":0,"
          + "\"outcome\":\"exited\",\"exit_code\":0,\"stdout\":{\"bytes\":0,\"crc32\":0},"
          + "\"stderr\":{\"bytes\":0,\"crc32\":0},\"output_bytes\":0}";

  private final Client client = new Client();

  @Test
  void pingTellsWhoAnswered() throws Exception {
    try (FakeServer server =
        new FakeServer(
            peer -> {
              assertEquals(
                  "{\"type\":\"hello\",\"id\":\"1\",\"version\":1,\"total_size\":0}",
                  peer.read().header());
              peer.send(
                  "\"type\":\"hello\",\"id\":\"1\",\"final\":true,\"version\":1,"
                      + "\"software\":\"runnel 9\",\"node\":\"pod-1\",\"boot\":\"b\","
                      + "\"max_header\":65536,\"max_body\":131072");
              for (int id = 2; id < 10; id++) {
                assertEquals(
                    "{\"type\":\"ping\",\"id\":\"" + id + "\",\"total_size\":0}",
                    peer.read().header());
                peer.send("\"type\":\"pong\",\"id\":\"" + id + "\",\"final\":true");
              }
            })) {
      assertEquals(0, client.run("ping", "-H", server.host()), client.err());
    }
    assertTrue(client.out().matches("pod-1: runnel 9, \\d+\\.\\d\\d ms\n"), client.out());
  }

  @Test
  void pingDoesNotWaitForEver() throws Exception {
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.readToEnd();
            })) {
      assertEquals(255, client.run("ping", "--connect-timeout", "50ms", "-H", server.host()));
      assertEquals("runnel: no answer from " + server.host() + " within 50ms\n", client.err());
    }
  }

  private int jobs(String... words) throws Exception {
    try (FakeServer server =
        new FakeServer(
            peer -> {
              assertTrue(peer.read().header().contains("\"prefix\":\"b\",\"state\":\"running\""));
              peer.send("\"type\":\"jobs\",\"id\":\"1\",\"final\":false", "[" + STATUS + "]");
              peer.send("\"type\":\"jobs\",\"id\":\"1\",\"final\":true", "[" + ENDED + "]");
            })) {
      String[] all = {"jobs", "-H", server.host(), "--prefix", "b", "--state", "running"};
      String[] joined = java.util.Arrays.copyOf(all, all.length + words.length);
      System.arraycopy(words, 0, joined, all.length, words.length);
      return client.run(joined);
    }
  }

  @Test
  void jobsAreATable() throws Exception {
    assertEquals(0, jobs("-a"), client.err());
    String[] lines = client.out().split("\n", 0);
    assertEquals(3, lines.length);
    assertTrue(
        lines[0].matches("JOB +STATE +EXIT +AGE +TOOK +WHO +BYTES +FOLLOWERS +COMMAND"), lines[0]);
    // What could move a terminal's cursor is gone.
    assertTrue(
        lines[1].matches("build-7 +running +- +\\d+h\\d+m +- +ann +123 +1 +make {2}\\[2J"),
        lines[1]);
    assertTrue(lines[2].matches("b +ended +0 +- +- +bob +0 +0 +true"), lines[2]);
    assertEquals(lines[0].indexOf("COMMAND"), lines[1].indexOf("make"));
  }

  @Test
  void jobsAreJson() throws Exception {
    assertEquals(0, jobs("--json"), client.err());
    assertEquals("[\n" + STATUS + ",\n" + ENDED + "\n]\n", client.out());
  }

  private String status(String status) throws Exception {
    Client asking = new Client();
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.read();
              peer.send("\"type\":\"jobs\",\"id\":\"1\",\"final\":true", "[" + status + "]");
            })) {
      assertEquals(0, asking.run("status", "--json", "-H", server.host(), "b"), asking.err());
    }
    return asking.out();
  }

  @Test
  void aStatusIsJsonWithEachKeyOnce() throws Exception {
    assertEquals(
        "{\"job\":\"b\",\"state\":\"running\",\"principal\":\"ann\",\"command\":\"true\",\"pid\":7,"
            + "\"followers\":1,\"retain\":4096,\"output_bytes\":123,\"started_at_ms\":1000}\n",
        status(
            "{\"job\":\"b\",\"state\":\"running\",\"principal\":\"ann\",\"command\":\"true\",\"pid\":7,"
                + "\"output_bytes\":123,\"followers\":1,\"retain\":4096,\"started_at_ms\":1000}"));
    assertEquals(
        "{\"job\":\"b\",\"state\":\"ended\",\"principal\":\"bob\",\"command\":\"true\",\"followers\":0,"
            + "\"outcome\":\"exited\",\"exit_code\":0,\"stdout\":{\"bytes\":0,\"crc32\":0},"
            + "\"stderr\":{\"bytes\":0,\"crc32\":0},\"output_bytes\":0,\"drained\":true,"
            + "\"leftovers\":[],\"leftovers_total\":0}\n",
        status(ENDED));
  }

  private String answered(String body, String... words) throws Exception {
    Client asking = new Client();
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.read();
              peer.send("\"type\":\"jobs\",\"id\":\"1\",\"final\":true", body);
            })) {
      List<String> all = new ArrayList<>(List.of(words));
      all.addAll(1, List.of("-H", server.host()));
      assertEquals(255, asking.run(all.toArray(String[]::new)), asking.out());
      return asking.err().replace(server.host(), "HOST");
    }
  }

  @Test
  void aListIsNoLongerThanWasAskedFor() throws Exception {
    String seven = "[" + String.join(",", Collections.nCopies(7, ENDED)) + "]";
    assertEquals("runnel: HOST sent 7 statuses (limit: 6)\n", answered(seven, "status", "build"));
  }

  @Test
  void whatIsNoListIsAFailure() throws Exception {
    for (String body : List.of("", "x", "{}", "[7]")) {
      String err = answered(body, "jobs", "--json");
      assertTrue(err.startsWith("runnel: the list cannot be read: "), err);
    }
  }

  @Test
  void anEmptyTableHasItsTitles() throws Exception {
    assertEquals(
        "JOB  STATE  EXIT  AGE  TOOK  WHO  BYTES  FOLLOWERS  COMMAND\n",
        table("[]", false).text(0, 0));
  }

  private static JobsVerb.Table table(String body, boolean ended) throws Exception {
    return JobsVerb.table(
        List.of(body.getBytes(StandardCharsets.UTF_8)), ended, Instant.ofEpochSecond(100));
  }

  private static String running(String job, long started) {
    return "{\"job\":\"%s\",\"state\":\"running\",\"principal\":\"ann\",\"command\":\"make all\","
            .formatted(job)
        + "\"output_bytes\":524288000,\"followers\":0,\"started_at_ms\":%d000}".formatted(started);
  }

  private static String ended(String job, String how, long started) {
    return "{\"job\":\"%s\",\"state\":\"ended\",\"principal\":\"bob\",\"command\":\"true\",%s,"
            .formatted(job, how)
        + "\"followers\":0,\"stdout\":{\"bytes\":0,\"crc32\":0},\"stderr\":{\"bytes\":0,\"crc32\":0},"
        + "\"output_bytes\":0,\"started_at_ms\":%d000,\"duration_ms\":1500}".formatted(started);
  }

  private static final String MANY =
      "["
          + String.join(
              ",",
              ended("a", "\"outcome\":\"exited\",\"exit_code\":7", 50),
              running("b", 10),
              ended("c", "\"outcome\":\"lost\"", 90),
              running("d", 60),
              ended("e", "\"outcome\":\"canceled\",\"signal\":\"TERM\"", 70),
              ended("f", "\"outcome\":\"signaled\",\"signal\":\"KILL\"", 40))
          + "]";

  @Test
  void whatRunsComesFirstAndTheLastToStartBeforeTheOthers() throws Exception {
    String rows = table(MANY, true).text(0, 0);
    assertEquals(
        List.of(
            "d - 40s 500M",
            "b - 1m30s 500M",
            "c lost 10s 0",
            "e canceled 30s 0",
            "a 7 50s 0",
            "f SIGKILL 1m0s 0"),
        rows.lines()
            .skip(1)
            .map(row -> row.split(" +", 0))
            .map(row -> row[0] + " " + row[2] + " " + row[3] + " " + row[6])
            .toList());
  }

  @Test
  void whatEndedIsListedWhereItIsAskedForAndElseCounted() throws Exception {
    JobsVerb.Table some = table(MANY, false);
    assertEquals(
        List.of("JOB", "d", "b"),
        some.text(0, 0).lines().map(row -> row.split(" ", 2)[0]).toList());
    assertEquals("4 ended jobs are not listed (-a lists them)", some.note());
    assertEquals(0, jobs(), client.err());
    assertTrue(client.out().contains("\nb "), client.out());
    assertEquals("", client.err());
  }

  @Test
  void theTableFitsTheScreen() throws Exception {
    JobsVerb.Table some = table(MANY, true);
    for (int columns = 1; columns < 100; columns++) {
      for (int rows = 1; rows < 10; rows++) {
        List<String> screen = some.screen(new TerminalSize(rows, columns)).lines().toList();
        assertTrue(screen.size() <= Math.max(1, rows - 1), rows + "" + screen);
        for (String line : screen) {
          assertTrue(line.length() <= columns, line);
        }
      }
    }
    String small = table(MANY, false).screen(new TerminalSize(5, 52));
    assertTrue(small.matches("JOB [^\n]*…\nd [^\n]*…\nb [^\n]*…\n4 ended [^\n]*\n"), small);
    String smaller = table(MANY, false).screen(new TerminalSize(4, 52));
    assertTrue(smaller.matches("JOB [^\n]*…\n… and 2 more\n4 ended [^\n]*\n"), smaller);
    client.env(Map.of("COLUMNS", "40"));
    assertEquals(0, jobs("-a"), client.err());
    assertTrue(client.out().lines().allMatch(line -> line.length() <= 40), client.out());
  }

  @Test
  void aStatusTellsHowLongAJobTookAndWhenItEnded() throws Exception {
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.read();
              String job = ended("b", "\"outcome\":\"exited\",\"exit_code\":7", 50);
              peer.send("\"type\":\"jobs\",\"id\":\"1\",\"final\":true", "[" + job + "]");
            })) {
      assertEquals(0, client.run("status", "-H", server.host(), "b"), client.err());
    }
    for (String row :
        List.of("started 1970-01-01T00:00:50Z", "took 1.5s", "ended 1970-01-01T00:00:51.500Z")) {
      String pattern = "(?s).*\\n" + row.replace(" ", " +").replace(".", "\\.") + "\\n.*";
      assertTrue(client.out().matches(pattern), row + client.out());
    }
  }

  @Test
  void cancelAndSignalNameTheJob() throws Exception {
    try (FakeServer server =
        new FakeServer(
            peer -> {
              assertEquals(
                  "{\"type\":\"signal\",\"id\":\"1\",\"job\":\"b\",\"signal\":\"HUP\",\"total_size\":0}",
                  peer.read().header());
              peer.send("\"type\":\"ok\",\"id\":\"1\",\"final\":true,\"state\":\"running\"");
            })) {
      assertEquals(0, client.run("signal", "-H", server.host(), "b", "SIGHUP"), client.err());
    }
    try (FakeServer server =
        new FakeServer(
            peer -> {
              assertEquals(
                  "{\"type\":\"cancel\",\"id\":\"1\",\"job\":\"b\",\"total_size\":0}",
                  peer.read().header());
              peer.send("\"type\":\"ok\",\"id\":\"1\",\"final\":true,\"state\":\"ended\"");
            })) {
      assertEquals(0, client.run("cancel", "-H", server.host(), "b"));
    }
    assertEquals("runnel: b had ended already\n", client.err());
    assertEquals("", client.out());
  }

  @Test
  void anUnknownJobIsAFailure() throws Exception {
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.read();
              peer.send(
                  "\"type\":\"error\",\"id\":\"1\",\"final\":true,\"code\":\"unknown_job\","
                      + "\"message\":\"job: x\"");
              var _ = peer.read();
              peer.send("\"type\":\"jobs\",\"id\":\"2\",\"final\":true", "[]");
            })) {
      assertEquals(255, client.run("cancel", "-H", server.host(), "x"));
      assertEquals(
          "runnel: " + server.host() + " knows no job x, nor one that begins so\n", client.err());
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "exec", "ping", "jobs", "cancel", "signal", "run", "attach", "logs", "wait", "status"
      })
  void everyVerbHasHelpWithAnExample(String verb) {
    assertEquals(0, client.run(verb, "--help"));
    String help = client.out();
    assertTrue(help.startsWith("Usage: runnel " + verb), help);
    assertTrue(help.contains("Exit code"), help);
    assertTrue(help.substring(help.indexOf("\nExample")).contains("runnel " + verb + " "), help);
    Client other = new Client();
    assertEquals(0, other.run("help", verb));
    assertEquals(help, other.out());
  }

  @Test
  void theOverviewNamesEveryVerb() {
    assertEquals(0, client.run("--help"));
    for (String verb : Verb.words()) {
      assertTrue(client.out().contains("\n  " + verb + " "), verb);
    }
    Client bare = new Client();
    assertEquals(2, bare.run());
    assertEquals(client.out(), bare.out());
  }

  @Test
  void aMistypedVerbIsGuessed() {
    assertEquals(2, client.run("exce", "true"));
    assertEquals(
        "runnel: unknown verb exce (did you mean exec?); see runnel --help\n", client.err());
  }

  @ParameterizedTest
  @CsvSource({"ps, jobs", "list, jobs", "kill, cancel", "remove, rm"})
  void aVerbOfAnotherProgramLeadsToOurs(String word, String verb) {
    assertEquals(2, client.run(word));
    assertEquals(
        "runnel: unknown verb " + word + " (did you mean " + verb + "?); see runnel --help\n",
        client.err());
  }

  @Test
  void anOptionBeforeTheVerbIsNamedSo() {
    assertEquals(2, client.run("-q", "exec", "true"));
    assertEquals(
        "runnel: unknown option -q (options come after the verb); see runnel --help\n",
        client.err());
  }

  @Test
  void optionsMayComeAfterTheJob() throws Exception {
    try (FakeServer server =
        new FakeServer(
            peer -> {
              assertTrue(peer.read().header().contains("\"job\":\"b\",\"signal\":\"HUP\""));
              peer.send("\"type\":\"ok\",\"id\":\"1\",\"final\":true,\"state\":\"running\"");
            })) {
      assertEquals(0, client.run("signal", "b", "-H", server.host(), "HUP"), client.err());
    }
    for (String verb : List.of("status", "logs", "attach", "wait", "cancel")) {
      Client other = new Client();
      assertEquals(0, other.run(verb, "b", "--help"), other.err());
      assertTrue(other.out().startsWith("Usage: runnel " + verb), other.out());
    }
    Client other = new Client();
    assertEquals(2, other.run("status", "--", "b", "--json"));
    assertTrue(other.err().startsWith("runnel: unexpected --json "), other.err());
  }

  @Test
  void theVersionIsTold() {
    assertEquals(0, client.run("--version"));
    assertTrue(client.out().startsWith("runnel "), client.out());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"cancel", "signal b", "signal a HUP b", "cancel a/b", "ping x", "jobs --state up"})
  void wrongUsageIsTwo(String words) {
    assertEquals(2, client.run(words.split(" ", -1)));
    String verb = words.split(" ", -1)[0];
    assertTrue(client.err().endsWith(" (see runnel " + verb + " --help)\n"), client.err());
  }

  @Test
  void aClosedStdoutIsNoSuccess() {
    assertEquals(255, client.brokenStdout("Bad file descriptor").run("--help"));
    assertEquals(141, new Client().brokenStdout("Broken pipe").run("--help"));
  }

  /** What answers the script's own questions. */
  private static final String RUNNEL =
      "runnel() { case $1 in hosts) echo prod-1 ;; jobs) echo \"job${5:+-of-$5}\" ;; esac; }";

  @Test
  void aShellCompletesNamedHostsAndJobs() throws Exception {
    assertEquals(List.of("prod-1"), completed("runnel exec -H"));
    assertEquals("prod-1", completed("runnel ssh").getFirst());
    assertEquals("job", completed("runnel logs").getFirst());
    assertEquals("job-of-prod-1", completed("runnel logs -H prod-1 --follow").getFirst());
  }

  private static List<String> completed(String line) throws Exception {
    Client asking = new Client();
    assertEquals(0, asking.run("completion", "bash"), asking.err());
    String ask =
        "\n"
            + RUNNEL
            + "\nCOMP_WORDS=("
            + line
            + " \"\"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _runnel || :\n"
            + "printf '%s\\n' \"${COMPREPLY[@]}\"\n";
    Process bash = new ProcessBuilder("bash", "-euc", asking.out() + ask).start();
    String words = new String(bash.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    String wrong = new String(bash.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals("", wrong);
    assertEquals(0, bash.waitFor());
    return words.lines().filter(word -> !word.isEmpty()).toList();
  }

  @Test
  void aShellCompletesVerbsAndWhatEachTakes() throws Exception {
    assertEquals(Verb.words(), completed("runnel"));
    List<String> exec = completed("runnel exec");
    assertTrue(exec.containsAll(List.of("--shell", "--host", "--help")), exec.toString());
    assertEquals(List.of("kill", "keep"), completed("runnel exec --leftovers"));
    assertEquals(List.of(), completed("runnel exec --ca"));
    assertEquals(Verb.words(), completed("runnel help").subList(0, Verb.words().size()));
  }

  @Test
  void eachShellHasItsScript() {
    assertEquals(0, client.run("completion", "fish"), client.err());
    String fish =
        "complete -c runnel -n '__fish_seen_subcommand_from exec' -l shell -s c -r"
            + " -d 'a line for /bin/sh, in place of a command'\n";
    assertTrue(client.out().contains(fish), client.out());
    Client zsh = new Client();
    assertEquals(0, zsh.run("completion", "zsh"), zsh.err());
    assertTrue(zsh.out().startsWith("autoload -U +X bashcompinit && bashcompinit\n"), zsh.out());
    Client other = new Client();
    assertEquals(2, other.run("completion", "csh"));
    assertEquals(
        "runnel: SHELL: csh (expected: bash, zsh or fish) (see runnel completion --help)\n",
        other.err());
  }
}
