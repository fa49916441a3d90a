package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/**
 * A node that is killed, or stops for a while: what the others say of it, and go on doing. After
 * it, all of them are there again. Part of {@link ClusterTest}, whose nodes it has.
 */
final class LostNodes {
  /** Until its daemon is gone, which has no watchdog here. */
  private static final String FOREVER = "echo begun; while kill -0 $PPID; do sleep 0.1; done";

  private final Nodes nodes;

  LostNodes(Nodes nodes) {
    this.nodes = nodes;
  }

  void killed() throws Exception {
    try (RawClient first = nodes.connect(1);
        RawClient second = nodes.connect(2)) {
      String made = follow(first, "'node':'n3'");
      first.send("'id':'named','node':'n3','job':'gone','once':'o'", FOREVER);
      assertEquals("started", first.nextOf("named").type());
      nodes.daemon(3).process().destroyForcibly();
      try {
        assertLost(first, "r");
        assertLost(first, "named");
        for (RawClient client : List.of(first, second)) {
          awaitLost(client, made);
          awaitLost(client, "gone");
          // The command was run, as far as anybody knows: it is not run again.
          Until.holds("an answer to a second start", () -> isToldLost(client, "gone"));
        }
        startsByName(first, second, "after-kill");
      } finally {
        nodes.restart(3);
      }
      var _ = nodes.daemon(3).port();
      nodes.awaitReady();
      awaitLost(first, made);
      try (RawClient third = nodes.connect(3)) {
        startsByName(second, third, "after-restart");
      }
    }
  }

  // Who is the oldest says who is in the cluster: the others have to agree on another first.
  void oldestStopped(Path once) throws Exception {
    String run = "'id':'o','job':'elsewhere','once':'o','linger_ms':60000";
    long pid = nodes.daemon(1).process().pid();
    try (RawClient stopped = nodes.connect(1);
        RawClient second = nodes.connect(2);
        RawClient third = nodes.connect(3)) {
      String job = follow(second, "'node':'n1','linger_ms':60000");
      signal(pid, "STOP");
      try {
        assertLost(second, "r");
        awaitLost(third, job);
        startsByName(second, third, "without-oldest");
        third.send(run, "echo run >> " + once);
        assertEquals("exited", third.finish("o").outcome());
        // It was written to a peer that takes nothing, and to nobody else meanwhile.
        for (int i = 0; i < 40; i++) {
          startsAtOnce(i % 2 == 0 ? second : third, "stays-" + i);
        }
      } finally {
        signal(pid, "CONT");
      }
      // It may not know yet that it is alone.
      stopped.send(run, "echo run >> " + once);
      RawClient.Ran again = stopped.finish("o");
      assertTrue(
          Set.of("exited", "").contains(again.outcome())
              && Set.of("", "unavailable").contains(again.end().path("code").asText()),
          () -> "" + again.end());
      nodes.awaitReady();
      assertEquals("run\n", Files.readString(once));
      // It lives, and is found again; what was said of it has been said once.
      assertEquals("running", second.ask("'type':'status','job':'" + job + "'").text("state"));
      assertFalse(second.keptFrames() > 0);
      assertEquals("ok", third.ask("'type':'cancel','job':'" + job + "','grace_ms':0").type());
      assertEquals("canceled", awaitEnd(second, job));
      try (RawClient back = nodes.connect(1)) {
        startsByName(back, second, "after-stop");
      }
    }
  }

  /** Follows a job that goes on, as r. */
  private static String follow(RawClient client, String placement) throws IOException {
    client.send("'id':'r'," + placement, FOREVER);
    String job = client.nextOf("r").text("job");
    assertEquals("begun\n", client.output(6));
    return job;
  }

  private static void assertLost(RawClient client, String id) throws IOException {
    RawClient.Answer end = client.finalOf(id);
    assertEquals("end", end.type(), end::toString);
    assertEquals("lost", end.text("outcome"), end::toString);
    assertFalse(end.header().has("exit_code"), end::toString);
  }

  /** Of a job that has ended; else empty. While the members change the answer may be an error. */
  private static String outcome(RawClient client, String job) throws IOException {
    RawClient.Answer status = client.ask("'type':'status','job':'" + job + "'");
    return status.header().path("end").path("outcome").asText(status.text("outcome"));
  }

  private static void awaitLost(RawClient client, String job) throws Exception {
    assertEquals("lost", awaitEnd(client, job), job);
  }

  private static String awaitEnd(RawClient client, String job) throws Exception {
    Until.holds("the end of " + job, () -> !outcome(client, job).isEmpty());
    return outcome(client, job);
  }

  private static boolean isToldLost(RawClient client, String job) throws IOException {
    client.send("'id':'again','job':'" + job + "','once':'o'", "echo twice");
    RawClient.Ran again = client.finish("again");
    assertTrue(
        again.outcome().equals("lost") || again.end().path("code").asText().equals("unavailable"),
        () -> "" + again.end());
    return again.outcome().equals("lost");
  }

  // A start that is unavailable started nothing, so it may be sent again.
  private static void startsByName(RawClient one, RawClient other, String name) throws Exception {
    Until.holds("a start by a name", () -> isStarted(one, name + "-1"));
    Until.holds("a start by a name", () -> isStarted(other, name + "-2"));
  }

  private static void startsAtOnce(RawClient client, String name) throws IOException {
    client.send("'id':'n','job':'" + name + "','once':'o'", "true");
    RawClient.Ran ran = client.finish("n");
    assertEquals("exited", ran.outcome(), () -> name + ": " + ran.end());
  }

  private static boolean isStarted(RawClient client, String name) throws IOException {
    client.send("'id':'n','job':'" + name + "','once':'o'", "true");
    RawClient.Ran ran = client.finish("n");
    assertTrue(
        ran.outcome().equals("exited") || ran.end().path("code").asText().equals("unavailable"),
        () -> name + ": " + ran.end());
    return ran.outcome().equals("exited");
  }

  private static void signal(long pid, String signal) throws Exception {
    assertEquals(0, new ProcessBuilder("kill", "-" + signal, Long.toString(pid)).start().waitFor());
  }
}
