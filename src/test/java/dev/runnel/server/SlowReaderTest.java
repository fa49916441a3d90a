package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.job.JobLimits;
import dev.runnel.job.LogMemory;
import dev.runnel.job.Retained;
import dev.runnel.model.JobStatus;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Readers that are slow, stop, go on or leave, and whom that concerns: their own commands. */
@Tag("either")
@Tag("slow")
class SlowReaderTest {
  private static final int COMMANDS = 10;
  private static final long RETAIN_BYTES = 1 << 20;
  private static final long CHUNK_BYTES = 256L * 1024;
  private static final long MIN_UNSENT_BYTES = ServerLimits.DEFAULT.maxUnsentBytes();
  private static final long MAX_UNSENT_BYTES = MIN_UNSENT_BYTES + 4 + 65_536 + 131_072;

  private final LogMemory memory = new LogMemory(256 << 20, 100);
  private TestNode node;

  @BeforeEach
  void open() {
    node = new TestNode(ServerLimits.DEFAULT, JobLimits.DEFAULT, memory);
  }

  @AfterEach
  void close() {
    node.close();
  }

  @Test
  void readerThatNeverReadsBlocksItsOwnCommandsAndNobodyElse() throws Exception {
    try (RawClient slow = node.connect();
        RawClient other = node.connect()) {
      runAll(slow, "cat /dev/zero");
      Until.holds("all to write", this::allHaveWritten);
      awaitStandstill(other);
      assertWithinBounds(1);
      for (int i = 0; i < 20; i++) {
        try (RawClient another = node.connect()) {
          another.send("'id':'a'", "head -c 300000 /dev/urandom");
          assertEquals("exited", another.finish("a").outcome());
        }
      }
      assertWithinBounds(1);
    }
    awaitNothingLeft();
  }

  @Test
  void readersThatNeverReadEachBlockTheirOwn() throws Exception {
    List<RawClient> slow = new ArrayList<>();
    for (int i = 0; i < COMMANDS; i++) {
      RawClient client = node.connect();
      slow.add(client);
      client.send("'id':'a'", "exec cat /dev/zero");
    }
    try (RawClient other = node.connect()) {
      Until.holds("all to write", this::allHaveWritten);
      awaitStandstill(other);
      assertWithinBounds(COMMANDS);
    }
    for (RawClient client : slow) {
      client.close();
    }
    awaitNothingLeft();
  }

  @Test
  void readerThatGoesOnGetsEveryByte() throws Exception {
    try (RawClient slow = node.connect();
        RawClient other = node.connect()) {
      runAll(slow, "head -c 3000000 /dev/urandom; head -c 300000 /dev/urandom >&2; exit 7");
      awaitStandstill(other);
      for (int i = 0; i < COMMANDS; i++) {
        RawClient.Answer end = slow.nextOfType("end");
        assertEquals(7, end.number("exit_code"), end::toString);
        assertEquals(3_300_000, end.number("output_bytes"));
      }
      awaitNothingLeft();
      slow.send("'id':'a'", "echo still here");
      assertEquals("still here\n", slow.finish("a").out());
    }
  }

  @Test
  void readerThatTakesLittleAtATimeGetsEveryByte() throws Exception {
    try (RawClient slow = node.connect()) {
      slow.socket().setReceiveBufferSize(4_096);
      slow.send("'id':'a'", "seq 1 8000; seq 1 1000 >&2");
      assertEquals("exited", slow.nextOfType("end").text("outcome"));
    }
    awaitNothingLeft();
  }

  @Test
  void readerThatLeavesInMidOutputTakesItsProcessesWithIt() throws Exception {
    try (RawClient other = node.connect()) {
      Map<String, Long> pids = new HashMap<>();
      Map<String, Long> output = new HashMap<>();
      try (RawClient leaving = node.connect()) {
        runAll(leaving, "sleep 1000 & cat /dev/zero & cat /dev/zero");
        while (output.size() < COMMANDS) {
          RawClient.Answer answer = leaving.next();
          if (answer.type().equals("started")) {
            pids.put(answer.text("job"), answer.number("pid"));
          } else {
            output.merge(answer.text("job"), (long) answer.body().length, Long::sum);
          }
        }
      }
      for (long pid : pids.values()) {
        Until.gone(pid);
      }
      awaitNothingLeft();
      assertEquals("[]", other.ask("'type':'jobs','state':'running'").text());
    }
  }

  @Test
  void readerThatResetsItsConnectionTakesItsProcessesWithIt() throws Exception {
    try (RawClient leaving = node.connect()) {
      runAll(leaving, "cat /dev/zero");
      Until.holds("all to write", this::allHaveWritten);
      leaving.socket().setSoLinger(true, 0);
    }
    awaitNothingLeft();
  }

  @Test
  void jobThatEndedKeepsItsPlaceUntilItsReaderLeaves() throws Exception {
    try (RawClient other = node.connect()) {
      try (RawClient slow = node.connect()) {
        runMoreThanSocketsHold(slow, other);
        assertEquals(1, node.registry().places());
        assertTrue(memory.sharedBytes() > 0);
        other.send("'id':'a'", "echo hi");
        assertEquals("hi\n", other.finish("a").out());
        Until.holds("its place only", () -> node.registry().places() == 1);
      }
      awaitNothingLeft();
    }
  }

  @Test
  void jobThatEndedGivesUpItsPlaceWhenItsReaderHasAll() throws Exception {
    try (RawClient slow = node.connect();
        RawClient other = node.connect()) {
      runMoreThanSocketsHold(slow, other);
      assertEquals("exited", slow.nextOfType("end").text("outcome"));
      awaitNothingLeft();
    }
  }

  private static void runMoreThanSocketsHold(RawClient slow, RawClient other) throws Exception {
    slow.send("'id':'big','job':'big','retain':67108864", "head -c 60000000 /dev/zero");
    Until.holds(
        "its end", () -> other.ask("'type':'status','job':'big'").text("state").equals("ended"));
  }

  @Test
  void logGivesBackItsMemoryWhateverItsLength() throws Exception {
    try (RawClient client = node.connect()) {
      // As its chunks grow: some of these fill the last one to the brim.
      for (int bytes : new int[] {0, 1, 4_095, 4_096, 4_097, 20_480, 86_016, 348_160, 1 << 20}) {
        client.send("'id':'a'", "head -c " + bytes + " /dev/zero");
        assertEquals(bytes, client.finish("a").stdout().length);
      }
      awaitNothingLeft();
    }
  }

  /** The system must not take a reader that lives and waits for one that has vanished. */
  @Test
  @Tag("long")
  void readerThatStopsForLongLosesNothing() throws Exception {
    try (RawClient slow = node.connect();
        RawClient other = node.connect()) {
      runAll(slow, "head -c 3000000 /dev/urandom");
      awaitStandstill(other);
      other.send("'id':'a'", "exec sleep 100");
      other.socket().setSoTimeout(110_000);
      other.finish("a");
      for (int i = 0; i < COMMANDS; i++) {
        assertEquals("exited", slow.nextOfType("end").text("outcome"));
      }
    }
  }

  @Test
  void readerThatIsBehindWhenTheServerGoesStillHearsOfTheEnd() throws Exception {
    try (RawClient slow = node.connect();
        RawClient acknowledging = node.connect();
        RawClient other = node.connect()) {
      runAll(slow, "exec cat /dev/zero");
      acknowledging.send("'id':'a','window':65536,'retain':65536", "exec cat /dev/zero");
      awaitStandstill(other);
      CompletableFuture<Void> closed = CompletableFuture.runAsync(node::close);
      for (int i = 0; i < COMMANDS; i++) {
        assertEquals("shutdown", slow.nextOfType("end").text("outcome"));
      }
      assertTrue(slow.isAtEnd());
      for (RawClient.Answer answer = acknowledging.next();
          !answer.isFinal();
          answer = acknowledging.next()) {
        long end = answer.number("offset") + answer.body().length;
        acknowledging.send("'type':'ack','follow':'a','offset':" + Math.max(0, end));
      }
      closed.get(30, TimeUnit.SECONDS);
    }
  }

  @Test
  void readerThatNeverReadsDoesNotKeepTheServerFromGoing() throws Exception {
    try (RawClient slow = node.connect();
        RawClient other = node.connect()) {
      runAll(slow, "exec cat /dev/zero");
      awaitStandstill(other);
      node.close();
      assertEquals(0, node.room().connections().get());
      awaitNothingLeft();
    }
  }

  private static void runAll(RawClient client, String line) throws IOException {
    for (int i = 0; i < COMMANDS; i++) {
      client.send("'id':'r" + i + "','grace_ms':0", line);
    }
  }

  private List<JobStatus> live() {
    return node.registry().list(status -> status.end() == null, 1_000);
  }

  private boolean allHaveWritten() {
    List<JobStatus> live = live();
    return live.size() == COMMANDS && live.stream().allMatch(status -> status.outputBytes() > 0);
  }

  /** While others are served, nothing is written. */
  private void awaitStandstill(RawClient other) throws Exception {
    Until.holds(
        "standstill",
        () -> {
          long before = written();
          for (int i = 0; i < 5; i++) {
            other.send("'id':'a'", "echo hi");
            assertEquals("hi\n", other.finish("a").out());
          }
          return before > RETAIN_BYTES && written() == before;
        });
  }

  private long written() {
    return live().stream().mapToLong(JobStatus::outputBytes).sum();
  }

  private void assertWithinBounds(int connections) throws Exception {
    long least = connections * MIN_UNSENT_BYTES;
    Until.holds("all under way", () -> node.room().unsent().outputBytes() >= least);
    // What is under way still lies in chunks of the log, whose first and last may be part empty.
    long maxLogs = COMMANDS * (RETAIN_BYTES + 2 * CHUNK_BYTES) + connections * MAX_UNSENT_BYTES;
    long logs = Retained.without(memory);
    assertTrue(logs <= maxLogs, () -> "" + logs);
    long unsent = node.room().unsent().outputBytes();
    assertTrue(unsent <= connections * MAX_UNSENT_BYTES, () -> "" + unsent);
  }

  private void awaitNothingLeft() throws Exception {
    Until.holds("no place to be taken", () -> node.registry().places() == 0);
    Until.holds("no memory to be shared", () -> Retained.without(memory) == 0);
    Until.holds("nothing to be under way", () -> node.room().unsent().outputBytes() == 0);
  }
}
