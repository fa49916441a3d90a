package dev.runnel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The verbs that start jobs which go on, and that follow them. */
@NullMarked
class FollowVerbsTest {
  private static final String OK = "\"outcome\":\"exited\",\"exit_code\":0";

  private final Client client = new Client();

  private static String status(String job, int bytes) {
    return "{\"job\":\""
        + job
        + "\",\"state\":\"running\",\"principal\":\"ann\",\"command\":\"make\",\"pid\":7,"
        + "\"output_bytes\":"
        + bytes
        + ",\"followers\":1,\"started_at_ms\":1000}";
  }

  /** The first connection of a verb, by which it learns which job is meant. */
  private static FakeServer.Script list(String... statuses) {
    return peer -> {
      String header = peer.read().header();
      assertTrue(header.contains("\"type\":\"jobs\""), header);
      peer.send(
          "\"type\":\"jobs\",\"id\":\"1\",\"final\":true", "[" + String.join(",", statuses) + "]");
      var _ = peer.readToEnd();
    };
  }

  private int verb(FakeServer server, String verb, String... words) {
    String[] all = new String[words.length + 3];
    all[0] = verb;
    all[1] = "-H";
    all[2] = server.host();
    System.arraycopy(words, 0, all, 3, words.length);
    return client.run(all);
  }

  @Test
  void attachTakesTheSeatAndEndsAsTheJobDoes() throws Exception {
    try (FakeServer server =
        new FakeServer(
            list(status("j", 3)),
            peer -> {
              var _ = peer.greet();
              assertEquals(
                  "{\"type\":\"attach\",\"id\":\"run\",\"job\":\"j\",\"window\":65536,"
                      + "\"runner\":true,\"total_size\":0}",
                  peer.read().header());
              peer.started();
              peer.stdout("abc");
              peer.end("\"outcome\":\"exited\",\"exit_code\":3");
            })) {
      assertEquals(3, verb(server, "attach", "j"), client.err());
    }
    assertEquals("abc", client.out());
    assertEquals("", client.err());
  }

  @Test
  void windowIsNoLargerThanTheLog() throws Exception {
    for (String verb : List.of("attach", "logs", "wait")) {
      String small = status("j", 0).replace(",\"started", ",\"retain\":4096,\"started");
      try (FakeServer server =
          new FakeServer(
              list(small),
              peer -> {
                var _ = peer.greet();
                String attach = peer.read().header();
                assertTrue(attach.contains("\"window\":4096,"), attach);
                peer.started();
                peer.end(OK);
              })) {
        assertEquals(0, verb(server, verb, "j"), client.err());
      }
    }
  }

  @Test
  void attachBeginsWhereItIsTold() throws Exception {
    try (FakeServer server =
        new FakeServer(
            list(status("j", 3)),
            peer -> {
              var _ = peer.greet();
              String attach = peer.read().header();
              assertTrue(attach.contains("\"from\":\"end\""), attach);
              assertFalse(attach.contains("runner"), attach);
              peer.resume("abc");
              peer.stdout("def");
              peer.end(OK);
            })) {
      assertEquals(0, verb(server, "attach", "--from", "end", "--watch", "j"), client.err());
    }
    assertEquals("def", client.out());
  }

  @Test
  void attachSendsStdinFromWhereTheJobsIs() throws Exception {
    try (FakeServer server =
        new FakeServer(
            list(status("j", 0)),
            peer -> {
              var _ = peer.greet();
              var _ = peer.read();
              peer.startedWithStdin();
              peer.stdinAck(100);
              FakeServer.Sent sent = peer.read();
              assertTrue(sent.header().contains("\"offset\":100,"), sent.header());
              assertEquals("more", sent.text());
              assertTrue(peer.read().header().contains("\"offset\":104,\"eof\":true"));
              peer.end(OK);
            })) {
      client.stdin("more");
      assertEquals(0, verb(server, "attach", "--stdin", "j"), client.err());
    }
  }

  @Test
  void interruptLeavesTheJob() throws Exception {
    try (FakeServer server =
        new FakeServer(
            list(status("j", 0)),
            peer -> {
              var _ = peer.greet();
              var _ = peer.read();
              peer.started();
              peer.stdout("x");
              assertEquals(
                  "{\"type\":\"detach\",\"id\":\"detach\",\"follow\":\"run\",\"total_size\":0}",
                  peer.read().header());
              peer.send("\"type\":\"detached\",\"id\":\"run\",\"final\":true,\"reason\":\"asked\"");
              peer.send("\"type\":\"ok\",\"id\":\"detach\",\"final\":true,\"state\":\"running\"");
            })) {
      CompletableFuture<Integer> code =
          CompletableFuture.supplyAsync(() -> verb(server, "attach", "j"));
      client.awaitOut("x");
      client.raise("INT");
      assertEquals(130, client.halted());
      assertEquals(130, code.get(30, TimeUnit.SECONDS));
    }
    // To be pasted: with the host.
    assertTrue(
        client
            .err()
            .matches(
                "runnel: left j, which goes on; runnel cancel -H 127\\.0\\.0\\.1:\\d+ j ends it\n"),
        client.err());
  }

  @Test
  void logsStopAtWhatThereIs() throws Exception {
    try (FakeServer server =
        new FakeServer(
            list(status("j", 5)),
            peer -> {
              var _ = peer.greet();
              String attach = peer.read().header();
              assertTrue(attach.contains("\"from\":2"), attach);
              assertFalse(attach.contains("runner"), attach);
              peer.resume("ab");
              peer.stdout("cde");
              var _ = peer.readToEnd();
            })) {
      assertEquals(0, verb(server, "logs", "--since-offset", "2", "j"), client.err());
    }
    assertEquals("cde", client.out());
  }

  @Test
  void logsFollowToTheEndAndOverACut() throws Exception {
    try (FakeServer server =
        new FakeServer(
            list(status("j", 5)),
            peer -> {
              var _ = peer.greet();
              var _ = peer.read();
              peer.started();
              peer.stdout("abc");
            },
            peer -> {
              var _ = peer.greet();
              String attach = peer.read().header();
              assertTrue(attach.contains("\"boot\":\"b\",\"from\":3"), attach);
              peer.resume("abc");
              peer.stdout("de");
              peer.end("\"outcome\":\"exited\",\"exit_code\":7");
            })) {
      assertEquals(0, verb(server, "logs", "-f", "j"), client.err());
    }
    assertEquals("abcde", client.out());
  }

  @Test
  void logsTellWhatIsMissing() throws Exception {
    try (FakeServer server =
        new FakeServer(
            list(status("j", 5)),
            peer -> {
              var _ = peer.greet();
              var _ = peer.read();
              peer.started();
              peer.send(
                  "\"type\":\"gap\",\"id\":\"run\",\"final\":false,\"job\":\"j\",\"from\":0,\"to\":3");
              peer.send(FakeServer.Peer.outputKeys("stdout", 3), "de");
              var _ = peer.readToEnd();
            })) {
      assertEquals(255, verb(server, "logs", "j"));
    }
    assertEquals("de", client.out());
    assertEquals(
        "runnel: 3 bytes of output were not sent: the server no longer had them\n", client.err());
  }

  @Test
  void waitEndsAsTheJobDoesAndPrintsNothing() throws Exception {
    try (FakeServer server =
        new FakeServer(
            list(status("j", 5)),
            peer -> {
              var _ = peer.greet();
              assertTrue(peer.read().header().contains("\"from\":\"end\""));
              peer.resume("abcde");
              peer.stdout("f");
              peer.end("\"outcome\":\"signaled\",\"signal\":\"KILL\"");
            })) {
      assertEquals(137, verb(server, "wait", "j"), client.err());
    }
    assertEquals("", client.out() + client.err());
  }

  @Test
  void statusTellsAllThereIs() throws Exception {
    try (FakeServer server = new FakeServer(list(status("job-1", 5)), list(status("job-1", 5)))) {
      assertEquals(0, verb(server, "status", "job"), client.err());
      assertTrue(
          client.out().matches("(?s)job +job-1\nstate +running\n.*bytes +5\n.*"), client.out());
      assertEquals(0, verb(server, "status", "--json", "job"), client.err());
      assertTrue(client.out().contains("{\"job\":\"job-1\",\"state\":\"running\","), client.out());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"status", "logs", "attach", "wait"})
  void aBeginningOfSeveralNamesIsNone(String verb) throws Exception {
    try (FakeServer server = new FakeServer(list(status("j1", 0), status("j2", 0)))) {
      assertEquals(255, verb(server, verb, "j"));
    }
    assertEquals("runnel: j begins the names of several jobs: j1, j2\n", client.err());
  }

  @Test
  void theNameItselfIsMeantBeforeThoseItBegins() throws Exception {
    try (FakeServer server = new FakeServer(list(status("j", 0), status("j2", 0)))) {
      assertEquals(0, verb(server, "status", "j"), client.err());
    }
    assertTrue(client.out().startsWith("job        j\n"), client.out());
  }

  @Test
  void cancelFindsTheJobByItsBeginning() throws Exception {
    try (FakeServer server =
        new FakeServer(
            peer -> {
              assertTrue(peer.read().header().contains("\"job\":\"nigh\""));
              peer.send(
                  "\"type\":\"error\",\"id\":\"1\",\"final\":true,\"code\":\"unknown_job\","
                      + "\"message\":\"job: nigh\"");
              assertTrue(peer.read().header().contains("\"prefix\":\"nigh\""));
              peer.send(
                  "\"type\":\"jobs\",\"id\":\"2\",\"final\":true",
                  "[" + status("nightly", 0) + "]");
              assertTrue(peer.read().header().contains("\"job\":\"nightly\""));
              peer.send("\"type\":\"ok\",\"id\":\"3\",\"final\":true,\"state\":\"running\"");
            })) {
      assertEquals(0, verb(server, "cancel", "nigh"), client.err());
    }
  }

  private String started(String features, String... words) throws Exception {
    String[] run = new String[1];
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.read();
              peer.send(
                  "\"type\":\"hello\",\"id\":\"1\",\"final\":true,\"version\":1,\"software\":\"x\","
                      + "\"node\":\"n\",\"boot\":\"b\",\"max_header\":65536,\"max_body\":131072,"
                      + "\"features\":["
                      + features
                      + "]");
              run[0] = peer.readRun().header();
              peer.started();
              var _ = peer.readToEnd();
            })) {
      assertEquals(0, verb(server, "run", words), client.err());
    }
    return run[0];
  }

  @Test
  void runStartsAJobThatGoesOn() throws Exception {
    String run = started("\"spool\"", "--job", "nightly", "make");
    assertTrue(run.contains("\"job\":\"nightly\",\"once\":\""), run);
    assertTrue(run.contains("\"boot\":\"b\""), run);
    assertTrue(run.contains("\"linger_ms\":\"forever\",\"keep_ms\":86400000"), run);
    assertTrue(run.contains("\"on_full\":\"spool\""), run);
    assertFalse(run.contains("stdin"), run);
    assertEquals("nightly\n", client.out());
  }

  @Test
  void runDropsTheOldestWhereThereIsNoDisk() throws Exception {
    assertTrue(started("", "make").contains("\"on_full\":\"drop\""));
    assertTrue(client.out().matches("[0-9a-z]{16}\n"), client.out());
  }

  @Test
  void runFailsIfTheCommandCannotStart() throws Exception {
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.read();
              peer.send(
                  "\"type\":\"hello\",\"id\":\"1\",\"final\":true,\"version\":1,\"software\":\"x\","
                      + "\"node\":\"n\",\"boot\":\"b\",\"max_header\":65536,\"max_body\":131072");
              var _ = peer.readRun();
              peer.end(
                  "\"outcome\":\"start_failed\",\"errno\":\"ENOENT\",\"at\":\"exec\",\"message\":\"no\"");
            })) {
      assertEquals(127, verb(server, "run", "nope"));
    }
    assertEquals("", client.out());
  }

  @ParameterizedTest
  @ValueSource(strings = {"run", "attach", "logs", "wait", "status"})
  void everyVerbHasHelpWithAnExample(String verb) {
    assertEquals(0, client.run(verb, "--help"));
    String help = client.out();
    assertTrue(help.startsWith("Usage: runnel " + verb), help);
    assertTrue(help.contains("\nExample") && help.contains("Exit code"), help);
  }

  @ParameterizedTest
  @ValueSource(strings = {"attach", "logs", "wait"})
  void wrongUsageIsNoExitCodeOfAJob(String verb) {
    assertEquals(255, client.run(verb, "a", verb.equals("wait") ? "b/c" : "b"));
    assertTrue(client.err().endsWith(" (see runnel " + verb + " --help)\n"), client.err());
  }
}
