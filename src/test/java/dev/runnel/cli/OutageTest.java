package dev.runnel.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.server.Until;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What {@code exec} says while its connection is lost, and what Ctrl-C does then. */
@NullMarked
@Tag("slow")
class OutageTest {
  private static final String OK = "\"outcome\":\"exited\",\"exit_code\":0";

  private final Client client = new Client();

  private String[] words(FakeServer server, String... words) {
    List<String> all = new ArrayList<>(List.of("exec", "-H", server.host(), "--job", "j"));
    all.addAll(List.of(words));
    all.add("true");
    return all.toArray(String[]::new);
  }

  private CompletableFuture<Integer> start(FakeServer server, String... words) {
    // On a thread of its own: one that was halted never ends here.
    return CompletableFuture.supplyAsync(
        () -> client.run(words(server, words)), task -> Thread.ofPlatform().daemon().start(task));
  }

  private void awaitErr(String text) throws Exception {
    Until.holds("stderr to have: " + text, () -> client.err().contains(text));
  }

  /** The first connection, which is lost in the middle of a line. */
  private static void begin(FakeServer.Peer peer) throws Exception {
    var _ = peer.greet();
    var _ = peer.read();
    peer.started();
    peer.output("stderr", "half");
  }

  private static FakeServer.Script again(CompletableFuture<?> when) {
    return peer -> {
      // The connection is there, and no server yet.
      var _ = when.get(30, TimeUnit.SECONDS);
      var _ = peer.greet();
      var _ = peer.await("attach");
      peer.started(4);
      peer.send(FakeServer.Peer.outputKeys("stderr", 4), " and half\n");
      peer.send(
          "\"type\":\"end\",\"id\":\"run\",\"final\":true,\"job\":\"j\","
              + OK
              + ",\"stdout\":"
              + FakeServer.NOTHING
              + ",\"stderr\":{\"bytes\":14,\"crc32\":"
              + crc32("half and half\n")
              + "},\"output_bytes\":14");
    };
  }

  private static long crc32(String text) {
    CRC32 sum = new CRC32();
    sum.update(text.getBytes(UTF_8));
    return sum.getValue();
  }

  @Test
  void itsNotesBeginALineOfTheirOwn() throws Exception {
    CompletableFuture<Void> told = new CompletableFuture<>();
    try (FakeServer server = new FakeServer(OutageTest::begin, again(told))) {
      CompletableFuture<Integer> code = start(server, "--linger", "1h");
      awaitErr("trying again for 1h");
      told.complete(null);
      assertEquals(0, code.get(30, TimeUnit.SECONDS), client.err());
      awaitErr("connected to " + server.host() + " again\n");
      String lost = "connection to " + server.host() + " lost; trying again for 1h";
      assertTrue(
          client.err().startsWith("half\nrunnel: " + lost + " (Ctrl-C gives up)\n"), client.err());
      assertTrue(client.err().contains("\nrunnel: connected to "), client.err());
    }
  }

  @Test
  void aConnectionThatBringsNobodyBackToTheJobIsNotCalledOne() throws Exception {
    // It is accepted again and again, and closed before a word.
    List<FakeServer.Script> scripts = new ArrayList<>(List.of(OutageTest::begin));
    for (int i = 0; i < 50; i++) {
      scripts.add(peer -> {});
    }
    FakeServer server = new FakeServer(scripts.toArray(FakeServer.Script[]::new));
    assertEquals(255, client.run(words(server, "--linger", "3s")));
    assertTrue(client.err().contains("trying again for 3s"), client.err());
    assertTrue(client.err().contains("none came about within 3s"), client.err());
    assertFalse(client.err().contains("connected to"), client.err());
  }

  @Test
  void noConnectionAtAllIsNotCalledOne() throws Exception {
    try (FakeServer server = new FakeServer(OutageTest::begin)) {
      assertEquals(255, client.run(words(server, "--linger", "2s")));
    }
    assertTrue(client.err().contains("trying again for 2s"), client.err());
    assertTrue(client.err().contains("; the command's end is not known, and the job may go on"));
    assertFalse(client.err().contains("connected to"), client.err());
  }

  @Test
  void oneInterruptGivesUpAndSaysThatTheJobMayGoOn() throws Exception {
    try (FakeServer server = new FakeServer(OutageTest::begin)) {
      CompletableFuture<Integer> code = start(server, "--linger", "1h");
      awaitErr("(Ctrl-C gives up)\n");
      client.raise("INT");
      assertEquals(130, client.halted());
      assertTrue(client.err().endsWith("\nrunnel: the job may go on for 1h\n"), client.err());
      assertFalse(code.isDone() && code.get() == 0, "a success");
    }
  }

  /** It may have gone to the command, which did not heed it; nobody has to know how often. */
  @Test
  void oneInterruptIsEnoughAlsoIfOneWasSentBefore() throws Exception {
    try (FakeServer server =
        new FakeServer(
            peer -> {
              begin(peer);
              assertTrue(peer.await("signal").header().contains("\"INT\""));
            })) {
      var _ = start(server, "--linger", "1h");
      awaitErr("half");
      client.raise("INT");
      awaitErr("(Ctrl-C gives up)\n");
      client.raise("INT");
      assertEquals(130, client.halted());
      assertTrue(client.err().endsWith("\nrunnel: the job may go on for 1h\n"), client.err());
    }
  }

  @Test
  void triesToConnectAgainAreToldIfAsked() throws Exception {
    try (FakeServer server =
        new FakeServer(OutageTest::begin, again(CompletableFuture.completedFuture(null)))) {
      assertEquals(0, client.run(words(server, "-v", "--linger", "1h")), client.err());
      assertTrue(
          client.err().contains("\nrunnel: connecting to " + server.host() + " again\n"),
          client.err());
    }
  }
}
