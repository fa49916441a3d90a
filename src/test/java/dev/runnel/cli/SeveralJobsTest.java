package dev.runnel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.server.Until;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Verbs that take the names of several jobs, with a real node. */
@NullMarked
@Tag("slow")
class SeveralJobsTest extends NodeVerbs {
  private static void awaitFollower(String job) throws Exception {
    Until.holds(
        "a follower of " + job,
        () -> {
          Client client = new Client();
          var _ = run(client, "status", "--json", job);
          return client.out().contains("\"followers\":1");
        });
  }

  @Test
  void listsFindThemByTheirLabels() {
    start("label-a", "true", "--label", "app=shop", "--label", "stage=a=b");
    start("label-b", "true", "--label", "app=shop");
    Client client = new Client();
    assertEquals(0, run(client, "status", "label-a"), client.err());
    assertTrue(
        client.out().contains("\nlabel      app=shop\nlabel      stage=a=b\n"), client.out());
    client = new Client();
    assertEquals(0, run(client, "jobs", "-a", "--label", "app=shop"), client.err());
    assertEquals(3, client.out().lines().count(), client.out());
    client = new Client();
    String[] both = {"jobs", "-a", "--label", "app=shop", "--label", "stage=a=b"};
    assertEquals(0, run(client, both), client.err());
    assertEquals(2, client.out().lines().count(), client.out());
    assertTrue(client.out().contains("\nlabel-a "), client.out());
  }

  @Test
  void labelThatNoneMayHaveIsTold() {
    Client client = new Client();
    assertEquals(2, run(client, "jobs", "--label", "stage"));
    assertEquals(
        "runnel: --label: stage (expected: NAME=VALUE) (see runnel jobs --help)",
        client.err().lines().findFirst().get());
    client = new Client();
    assertEquals(2, run(client, "run", "--label", "-=x", "--", "true"));
    assertEquals(
        "runnel: --label: name - (expected: [A-Za-z0-9][A-Za-z0-9._/-]{0,63}) (see runnel run --help)",
        client.err().lines().findFirst().get());
  }

  @Test
  void waitEndsAsTheFirstThatFailed() throws Exception {
    start("wait-a", "true");
    start("wait-b", "exit 4");
    start("wait-c", "exit 3");
    Client client = new Client();
    assertEquals(4, run(client, "wait", "wait-a", "wait-b", "wait-c"), client.err());
    assertEquals(3, run(client, "wait", "wait-c", "wait-b", "wait-a"), client.err());
    assertEquals(0, run(client, "wait", "wait-a", "wait-a"), client.err());
    assertEquals("", client.out() + client.err());
  }

  @Test
  void waitHearsOfAnEndBeforeItsTurn() throws Exception {
    start("turn-a", "exec sleep 1000");
    start("turn-b", "exec sleep 1000", "--keep", "0s");
    Client client = new Client();
    CompletableFuture<Integer> code =
        CompletableFuture.supplyAsync(() -> run(client, "wait", "turn-a", "turn-b"));
    awaitFollower("turn-a");
    awaitFollower("turn-b");
    assertEquals(0, run(new Client(), "signal", "turn-b", "KILL"));
    // It is forgotten, as it was asked to be, while the other one is waited for.
    Until.holds("b to be forgotten", () -> run(new Client(), "status", "turn-b") == 255);
    assertEquals(0, run(new Client(), "cancel", "turn-a"));
    assertEquals(255, code.get(30, TimeUnit.SECONDS), client.err());
    assertEquals("runnel: turn-a: the job was canceled\n", client.err());
  }

  @Test
  void aNameThatIsNoneIsToldBeforeAnythingIsWaitedFor() throws Exception {
    start("none-a", "exec sleep 1000");
    Client client = new Client();
    assertEquals(255, run(client, "wait", "none-a", "none-b"));
    assertTrue(client.err().contains("knows no job none-b"), client.err());
    assertEquals(0, run(new Client(), "cancel", "none-a"));
  }

  @Test
  void cancelEndsThemAllAndNamesThoseThatItCannot() throws Exception {
    start("end-a", "exec sleep 1000");
    start("end-b", "exec sleep 1000");
    Client client = new Client();
    assertEquals(255, run(client, "cancel", "end-a", "nobody", "end-b"));
    assertEquals(1, client.err().lines().count(), client.err());
    assertTrue(client.err().startsWith("runnel: nobody: "), client.err());
    for (String job : List.of("end-a", "end-b")) {
      Until.holds(
          job + " to end",
          () -> {
            Client status = new Client();
            return run(status, "status", "--json", job) == 0
                && status.out().contains("\"outcome\":\"canceled\"");
          });
    }
    Client again = new Client();
    assertEquals(0, run(again, "cancel", "end-a", "end-b"));
    assertEquals("runnel: end-a had ended already\nrunnel: end-b had ended already\n", again.err());
  }

  @Test
  void noNameAtAllIsWrongUsage() {
    assertEquals(2, run(new Client(), "cancel"));
    Client client = new Client();
    assertEquals(255, run(client, "wait"));
    assertEquals("runnel: missing JOB (see runnel wait --help)\n", client.err());
  }
}
