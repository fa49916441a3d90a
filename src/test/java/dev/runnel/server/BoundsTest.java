package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.job.JobLimits;
import dev.runnel.job.LogMemory;
import dev.runnel.job.Retained;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Over each bound: the error names it, and those within are served meanwhile and afterwards. */
@Tag("slow")
class BoundsTest {
  private static final Duration LONG = Duration.ofMinutes(10);
  private static final Duration SHORT = Duration.ofMillis(1_500);
  private static final int MAX_FRAME_BYTES = 4 + 65_536 + 131_072;
  private static final int CHUNK_BYTES = 256 * 1024;
  private static final int FLOOR_BYTES = 64 * 1024;

  @Test
  void connectionTooManyIsToldSoAndTakesNoPlace() throws Exception {
    try (TestNode node = node(limits(2, 256, 256));
        RawClient first = node.connect();
        RawClient second = node.connect()) {
      first.ask("'type':'ping'");
      second.ask("'type':'ping'");
      List<RawClient> late = connect(node, 20);
      for (RawClient client : late) {
        RawClient.Answer error = client.next();
        assertEquals("too_many_connections", error.text("code"));
        assertEquals("connections: limit: 2", error.text("message"));
        assertTrue(error.header().path("close").asBoolean());
      }
      assertEquals(2, node.room().connections().get());
      assertServed(first);
      first.socket().close();
      Until.holds("a place", () -> node.room().connections().get() == 1);
      try (RawClient next = node.connect()) {
        assertServed(next);
        assertServed(second);
      }
      closeAtEnd(late);
    }
  }

  @Test
  void floodOfConnectionsTooManyIsClosedAndHurtsNobody() throws Exception {
    try (TestNode node = node(limits(1, 256, 256));
        RawClient within = node.connect()) {
      within.ask("'type':'ping'");
      List<RawClient> late = connect(node, 500);
      assertServed(within);
      closeAtEnd(late);
      assertServed(within);
      assertEquals(1, node.room().connections().get());
    }
  }

  @Test
  void firstFrameThatDoesNotComeInTimeIsTooSlow() throws Exception {
    try (TestNode node = node(times(SHORT, LONG));
        RawClient quick = node.connect()) {
      quick.ask("'type':'ping'");
      try (RawClient silent = node.connect();
          RawClient halting = node.connect()) {
        byte[] frame = RawClient.frame("'type':'ping'");
        halting.send(Arrays.copyOf(frame, frame.length - 1));
        for (RawClient slow : List.of(silent, halting)) {
          RawClient.Answer error = slow.expectClose("too_slow");
          assertEquals("first frame: not whole after 1500 ms", error.text("message"));
        }
      }
      assertServed(quick);
      Until.holds("one connection", () -> node.room().connections().get() == 1);
    }
  }

  @Test
  void frameThatStopsHalfwayIsTooSlow() throws Exception {
    // The first frame may take longer: its timer must not be waited for.
    try (TestNode node = node(times(LONG, SHORT));
        RawClient quick = node.connect();
        RawClient halting = node.connect()) {
      halting.ask("'type':'ping'");
      quick.ask("'type':'ping'");
      halting.send(new byte[] {2});
      RawClient.Answer error = halting.expectClose("too_slow");
      assertEquals("frame: not whole after 1500 ms", error.text("message"));
      assertServed(quick);
    }
  }

  @Test
  void requestInFlightTooManyIsBusy() throws Exception {
    try (TestNode node = node(limits(10, 3, 256));
        RawClient client = node.connect();
        RawClient other = node.connect()) {
      for (int i = 0; i < 3; i++) {
        client.send("'id':'r%d','job':'j%d'".formatted(i, i), "sleep 1000");
      }
      client.send("'id':'late'", "echo late");
      assertBusy("requests in flight: limit: 3", client.finalOf("late"));
      assertServed(other);
      other.ask("'type':'cancel','job':'j1'");
      assertEquals("canceled", client.finish("r1").outcome());
      assertServed(client);
    }
  }

  @Test
  void jobTooManyOnAConnectionIsBusy() throws Exception {
    try (TestNode node = node(limits(10, 256, 2));
        RawClient client = node.connect();
        RawClient other = node.connect()) {
      client.send("'id':'r0','job':'j0'", "sleep 1000");
      client.send("'id':'r1','job':'j1'", "sleep 1000");
      client.send("'id':'late'", "echo late");
      assertBusy("jobs of this connection: limit: 2", client.finalOf("late"));
      assertServed(other);
      client.ask("'type':'cancel','job':'j0'");
      assertEquals("canceled", client.finish("r0").outcome());
      assertServed(client);
    }
  }

  @Test
  void jobTooManyInAllIsBusy() throws Exception {
    // As many as the memory has floors for, however many were asked for.
    LogMemory memory = new LogMemory(2 * 2 * FLOOR_BYTES, 1_000);
    try (TestNode node = new TestNode(ServerLimits.DEFAULT, JobLimits.DEFAULT, memory);
        RawClient client = node.connect();
        RawClient other = node.connect()) {
      client.send("'id':'r0','job':'j0'", "sleep 1000");
      client.send("'id':'r1','job':'j1'", "sleep 1000");
      client.nextOf("r1");
      other.send("'id':'late'", "echo late");
      assertBusy("jobs: limit: 2", other.finalOf("late"));
      other.ask("'type':'cancel','job':'j0'");
      assertEquals("canceled", client.finish("r0").outcome());
      for (RawClient within : List.of(other, client)) {
        awaitPlaces(1, node);
        assertServed(within);
      }
    }
  }

  @Test
  void startTooManyInTheQueueIsBusy() throws Exception {
    HeldStarts[] starts = new HeldStarts[1];
    try (TestNode node = holding(starts, 2);
        RawClient client = node.connect();
        RawClient other = node.connect()) {
      client.send("'id':'r0'", "exit 3");
      client.send("'id':'r1'", "exit 4");
      client.send("'id':'late'", "echo late");
      assertBusy("queued starts: limit: 2", client.finalOf("late"));
      other.send("'id':'late'", "echo late");
      assertBusy("queued starts: limit: 2", other.finalOf("late"));
      assertEquals("pong", other.ask("'type':'ping'").type());
      Until.holds("both to come to the engine", () -> starts[0].count() == 2);
      starts[0].release();
      assertEquals(3, client.finish("r0").end().path("exit_code").asInt());
      assertEquals(4, client.finish("r1").end().path("exit_code").asInt());
      for (int i = 0; i < 5; i++) {
        assertServed(client);
        assertServed(other);
      }
    }
  }

  @Test
  void startThatIsWithdrawnOrFailsLeavesTheQueue() throws Exception {
    HeldStarts[] starts = new HeldStarts[1];
    try (TestNode node = holding(starts, 2);
        RawClient other = node.connect()) {
      other.ask("'type':'ping'");
      try (RawClient leaving = node.connect()) {
        leaving.send("'id':'r0'", "echo r0");
        leaving.send("'id':'r1','argv':['/no/such']");
        Until.holds("both to come to the engine", () -> starts[0].count() == 2);
      }
      Until.holds("the other alone", () -> node.room().connections().get() == 1);
      starts[0].release();
      awaitPlaces(0, node);
      for (int i = 0; i < 5; i++) {
        other.send("'id':'fails','argv':['/no/such']");
        assertEquals("start_failed", other.finish("fails").outcome());
      }
      assertServed(other);
    }
  }

  @Test
  void retainBeyondTheLimitIsABadRequest() throws Exception {
    JobLimits limits = new JobLimits(10, 100_000, 100, LONG);
    try (TestNode node = new TestNode(ServerLimits.DEFAULT, limits, memory());
        RawClient client = node.connect()) {
      client.send("'id':'late','retain':100001", "echo late");
      RawClient.Answer answer = client.finalOf("late");
      assertEquals("bad_request", answer.text("code"));
      assertEquals("retain: 100001 (limit: 100000)", answer.text("message"));
      client.send("'id':'a','retain':100000", "seq 1 100000");
      assertEquals("exited", client.finish("a").outcome());
    }
  }

  @Test
  void memoryOfAllLogsIsBoundedAndNoLogWaitsForAnother() throws Exception {
    int jobs = 8;
    LogMemory memory = new LogMemory(4 << 20, 16);
    try (TestNode node = new TestNode(ServerLimits.DEFAULT, JobLimits.DEFAULT, memory);
        RawClient hoarder = node.connect();
        RawClient other = node.connect()) {
      for (int i = 0; i < jobs; i++) {
        // Each may hold a MiB until its client has acknowledged some.
        hoarder.send("'id':'r" + i + "','window':1048576", "head -c 3000000 /dev/zero");
      }
      Until.holds(
          "memory to be used up",
          () -> memory.sharedBytes() > memory.sharedLimitBytes() - CHUNK_BYTES);
      for (int i = 0; i < 5; i++) {
        other.send("'id':'own'", "head -c 1000000 /dev/urandom");
        assertEquals("exited", other.finish("own").outcome());
        // What one that just ended held as its own counts among the others', and is given up next.
        assertWithin(memory.sharedLimitBytes() + FLOOR_BYTES, memory.sharedBytes());
      }
      Until.holds("the limit", () -> memory.sharedBytes() <= memory.sharedLimitBytes());
      readAndAcknowledge(hoarder, jobs);
      awaitPlaces(0, node);
      assertEquals(0, Retained.without(memory));
    }
  }

  private static void readAndAcknowledge(RawClient client, int jobs) throws IOException {
    for (int whole = 0; whole < jobs; ) {
      RawClient.Answer answer = client.next();
      if (answer.type().equals("output")) {
        long end = answer.number("offset") + answer.body().length;
        client.send("'type':'ack','follow':'" + answer.id() + "','offset':" + end);
      } else if (answer.isFinal()) {
        assertEquals("exited", answer.text("outcome"));
        assertEquals(3_000_000, answer.number("output_bytes"));
        whole++;
      }
    }
  }

  @Test
  void outputUnderWayIsBoundedAndTheRestWaitsInTheLog() throws Exception {
    int max = 32 * 1024;
    try (TestNode node = node(unsent(max, 1 << 20));
        RawClient slow = node.connect();
        RawClient other = node.connect()) {
      slow.send("'id':'big','retain':65536", "head -c 20000000 /dev/urandom");
      slow.send("'id':'small','retain':65536", "seq 1 1000000");
      OutboundBytes unsent = node.room().unsent();
      Until.holds("the transport to be full", () -> unsent.outputBytes() >= max);
      for (int i = 0; i < 10; i++) {
        assertWithin(max + MAX_FRAME_BYTES, unsent.outputBytes());
        assertServed(other);
      }
      assertEquals("exited", slow.nextOfType("end").text("outcome"));
      assertEquals("exited", slow.nextOfType("end").text("outcome"));
      Until.holds("nothing to be under way", () -> unsent.outputBytes() == 0);
    }
  }

  @Test
  void peerThatAsksAndDoesNotReadIsNotReadUntilItDoes() throws Exception {
    int max = 16 * 1024;
    int pings = 60_000;
    Duration frame = Duration.ofMillis(500);
    try (TestNode node = node(new ServerLimits(10, 256, 256, 256 * 1024, max, LONG, frame));
        RawClient asking = node.connect();
        RawClient other = node.connect()) {
      CompletableFuture<Void> asked = CompletableFuture.runAsync(() -> ping(asking, pings));
      OutboundBytes unsent = node.room().unsent();
      awaitStandstill(unsent, max);
      // That a frame of its is not read to its end for so long is not its fault.
      try (RawClient canary = node.connect()) {
        canary.ask("'type':'ping'");
        canary.send(new byte[] {2});
        canary.expectClose("too_slow");
      }
      for (int i = 0; i < 10; i++) {
        assertWithin(max + 1_024, unsent.answerBytes());
        assertServed(other);
      }
      for (int i = 0; i < pings; i++) {
        assertEquals(pingId(i), asking.next().id());
      }
      asked.join();
      assertServed(asking);
      Until.holds("no answers to be under way", () -> unsent.answerBytes() == 0);
    }
  }

  @Test
  void longAnswersThatNobodyReadsAreBoundedToo() throws Exception {
    int max = 64 * 1024;
    int asked = 400;
    try (TestNode node = node(unsent(256 * 1024, max));
        RawClient asking = node.connect();
        RawClient other = node.connect()) {
      for (int i = 0; i < 100; i++) {
        other.send("'id':'a'", "exit 0 # " + "x".repeat(250));
        other.finish("a");
      }
      int answerBytes = other.ask("'type':'jobs'").body().length + 100;
      ByteArrayOutputStream requests = new ByteArrayOutputStream();
      for (int i = 0; i < asked; i++) {
        requests.writeBytes(RawClient.frame("'id':'" + i + "','type':'jobs'"));
      }
      // In one packet: what came with the last one that is read waits inside.
      asking.send(requests.toByteArray());
      OutboundBytes unsent = node.room().unsent();
      awaitStandstill(unsent, max);
      for (int i = 0; i < 10; i++) {
        assertWithin(max + answerBytes + 1_024, unsent.answerBytes());
        assertServed(other);
      }
      for (int i = 0; i < asked; i++) {
        assertEquals("" + i, asking.next().id());
      }
    }
  }

  // It is read again when less than half of the limit is left: more than that stays.
  private static void awaitStandstill(OutboundBytes unsent, int max) throws Exception {
    long[] seen = {0, 0};
    Until.holds(
        "it to be read no more",
        () -> {
          long bytes = unsent.answerBytes();
          seen[1] = bytes == seen[0] && bytes > max / 2 ? seen[1] + 1 : 0;
          seen[0] = bytes;
          return seen[1] >= 100;
        });
  }

  private static void ping(RawClient client, int times) {
    try {
      for (int i = 0; i < times; ) {
        ByteArrayOutputStream packet = new ByteArrayOutputStream();
        for (int end = i + 100; i < end; i++) {
          packet.writeBytes(RawClient.frame("'type':'ping','id':'" + pingId(i) + "'"));
        }
        client.send(packet.toByteArray());
      }
    } catch (IOException e) {
      throw new CompletionException(e);
    }
  }

  private static String pingId(int number) {
    return "%064d".formatted(number);
  }

  private static List<RawClient> connect(TestNode node, int times) throws IOException {
    List<RawClient> clients = new ArrayList<>();
    for (int i = 0; i < times; i++) {
      clients.add(node.connect());
    }
    return clients;
  }

  private static void closeAtEnd(List<RawClient> clients) throws IOException {
    for (RawClient client : clients) {
      while (!client.isAtEnd()) {}
      client.close();
    }
  }

  private static TestNode node(ServerLimits limits) {
    return new TestNode(limits, JobLimits.DEFAULT, memory());
  }

  private static TestNode holding(HeldStarts[] starts, int maxQueuedStarts) {
    return new TestNode(
        ServerLimits.DEFAULT,
        new JobLimits(maxQueuedStarts, 1 << 20, 100, LONG),
        memory(),
        new Authentication.Open("anonymous"),
        engine -> starts[0] = new HeldStarts(engine));
  }

  private static LogMemory memory() {
    return new LogMemory(64 << 20, 100);
  }

  private static ServerLimits limits(int connections, int requests, int jobs) {
    return new ServerLimits(connections, requests, jobs, 256 * 1024, 1 << 20, LONG, LONG);
  }

  private static ServerLimits times(Duration firstFrame, Duration frame) {
    return new ServerLimits(10, 256, 256, 256 * 1024, 1 << 20, firstFrame, frame);
  }

  private static ServerLimits unsent(int output, int answers) {
    return new ServerLimits(10, 256, 256, output, answers, LONG, LONG);
  }

  private static void assertServed(RawClient client) throws IOException {
    client.send("'id':'served'", "echo hi");
    assertEquals("hi\n", client.finish("served").out());
  }

  private static void assertBusy(String message, RawClient.Answer answer) {
    assertEquals("busy", answer.text("code"), answer::toString);
    assertEquals(message, answer.text("message"));
    assertFalse(answer.header().path("close").asBoolean());
  }

  private static void assertWithin(long max, long actual) {
    assertTrue(actual <= max, () -> actual + " (limit: " + max + ")");
  }

  private static void awaitPlaces(int places, TestNode node) throws Exception {
    Until.holds("places: " + places, () -> node.registry().places() == places);
  }
}
