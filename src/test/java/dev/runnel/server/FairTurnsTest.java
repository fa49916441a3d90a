package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A peer that asks for much in one packet: the others on its event loop go on. */
@Tag("either")
@SuppressWarnings("NullAway.Init") // The node is there before any test.
@Tag("slow")
class FairTurnsTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int JOBS = 1_500;
  private static TestNode node;

  @BeforeAll
  static void openNode() throws IOException {
    node = new TestNode();
    try (RawClient client = node.connect()) {
      for (int done = 0; done < JOBS; done += 100) {
        for (int i = 0; i < 100; i++) {
          client.send("'id':'%d','job':'turns-%05d','argv':['true']".formatted(i, done + i));
        }
        for (int i = 0; i < 100; i++) {
          client.finalOf("" + i);
        }
      }
      client.send("'id':'printed','job':'printed'", "seq 1 2000");
      client.finalOf("printed");
      client.send("'id':'live','job':'live'", "seq 1 2000; exec sleep 600");
      client.output(8_893);
      client.ask("'type':'detach','follow':'live'");
    }
  }

  @AfterAll
  static void closeNode() {
    node.close();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void answersToPeersThatAreGoneHoldUpNobody(boolean reset) throws Exception {
    List<RawClient> others = others();
    for (int i = 0; i < 4; i++) {
      RawClient asking = node.connect();
      asking.send(repeated("'type':'jobs'", 3_000));
      asking.socket().setSoLinger(reset, 0);
      asking.close();
      ping(others);
    }
    Until.holds("them to be gone", () -> node.room().connections().get() == others.size());
    close(others);
    Until.holds("nothing to be under way", () -> node.room().unsent().answerBytes() == 0);
  }

  @Test
  void answersThatNobodyReadsHoldUpNobodyAndTakeLittleMemory() throws Exception {
    List<RawClient> others = others();
    List<RawClient> asking = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      RawClient client = node.connect();
      client.send(repeated("'type':'jobs'", 20));
      asking.add(client);
      if (i % 20 == 0) {
        ping(others);
      }
    }
    long limit = Runtime.getRuntime().maxMemory() / 8;
    for (int i = 0; i < 20; i++) {
      ping(others);
      assertTrue(node.room().unsent().answerBytes() < limit);
    }
    close(asking);
    close(others);
    Until.holds("nothing to be under way", () -> node.room().unsent().answerBytes() == 0);
  }

  @Test
  void everyListIsWholeAndInOrderHoweverManyWereAskedFor() throws Exception {
    try (RawClient client = node.connect()) {
      byte[][] frames = new byte[30][];
      for (int i = 0; i < frames.length; i++) {
        String more = i % 3 == 0 ? "'prefix':'turns-007'" : "'limit':" + (i * 50 + 1);
        frames[i] = RawClient.frame("'type':'jobs','id':'" + i + "'," + more);
      }
      client.send(RawClient.together(frames));
      client.send("'type':'ping','id':'last'");
      for (int i = 0; i < frames.length; i++) {
        assertEquals(i % 3 == 0 ? 100 : i * 50 + 1, namesOf(client, "" + i).size());
      }
      assertEquals("last", client.next().id());
    }
  }

  private static List<String> namesOf(RawClient client, String id) throws IOException {
    List<String> names = new ArrayList<>();
    RawClient.Answer part;
    do {
      part = client.next();
      assertEquals(id, part.id());
      JSON.readTree(part.body()).forEach(status -> names.add(status.path("job").asText()));
    } while (!part.isFinal());
    List<String> sorted = new ArrayList<>(names);
    Collections.sort(sorted);
    assertEquals(sorted, names);
    return names;
  }

  @Test
  void closesThatComeWithManyFramesAreSeen() throws Exception {
    List<RawClient> others = others();
    RawClient asking = node.connect();
    asking.send(repeated("'type':'status','job':'turns-00001'", 50_000));
    asking.close();
    ping(others);
    Until.holds("it to be gone", () -> node.room().connections().get() == others.size());
    close(others);
  }

  /** Requests that make the server take up a log, again and again. */
  private enum Storm {
    /** Of a job that has ended: the way of {@code logs}. */
    LOGS("'type':'attach','job':'printed'"),
    /** Of one that runs. */
    WATCH("'type':'attach','job':'live'"),
    WATCH_FROM_THE_END("'type':'attach','job':'live','from':'end'"),
    WATCH_AND_LEAVE("'type':'attach','job':'live'"),
    STATUS("'type':'status','job':'live'");

    private final String keys;

    Storm(String keys) {
      this.keys = keys;
    }

    private byte[] bytes(int requests) {
      List<byte[]> frames = new ArrayList<>();
      for (int i = 0; i < requests; i++) {
        frames.add(RawClient.frame("'id':'" + i + "'," + keys));
        if (this == WATCH_AND_LEAVE) {
          frames.add(RawClient.frame("'id':'d" + i + "','type':'detach','follow':'" + i + "'"));
        }
      }
      return RawClient.together(frames.toArray(byte[][]::new));
    }
  }

  @ParameterizedTest
  @EnumSource
  void othersAreAnsweredBetweenTheAnswersOfAStorm(Storm storm) throws Exception {
    int requests = 5_000;
    List<RawClient> others = others();
    List<AtomicInteger> pongs = new ArrayList<>();
    AtomicBoolean over = new AtomicBoolean();
    List<Future<?>> tasks = new ArrayList<>();
    try (ExecutorService threads = Executors.newCachedThreadPool();
        RawClient asking = node.connect()) {
      for (RawClient other : others) {
        AtomicInteger count = new AtomicInteger();
        pongs.add(count);
        tasks.add(threads.submit(() -> pingUntil(over, other, count)));
      }
      // The server reads no more of it than it is let answer.
      tasks.add(threads.submit(() -> sendAll(asking, storm.bytes(requests))));
      asking.nextThat(answer -> "0".equals(answer.id()));
      List<Integer> before = pongs.stream().map(AtomicInteger::get).toList();
      String last = "" + (requests - 1);
      asking.nextThat(answer -> last.equals(answer.id()));
      for (int i = 0; i < before.size(); i++) {
        int during = pongs.get(i).get() - before.get(i);
        assertTrue(during >= 3, "pongs to the other number " + i + ": " + during);
      }
      over.set(true);
      for (Future<?> task : tasks) {
        var _ = task.get(30, TimeUnit.SECONDS);
      }
    } finally {
      over.set(true);
      close(others);
    }
    Until.holds("nobody to follow", () -> followers() == 0);
  }

  private static @Nullable Void sendAll(RawClient client, byte[] bytes) throws IOException {
    client.send(bytes);
    return null;
  }

  private static @Nullable Void pingUntil(AtomicBoolean over, RawClient client, AtomicInteger count)
      throws IOException {
    while (!over.get()) {
      assertEquals("pong", client.ask("'type':'ping'").type());
      count.incrementAndGet();
    }
    return null;
  }

  @ParameterizedTest
  @EnumSource
  void stormsOfPeersThatAreGoneLeaveNothing(Storm storm) throws Exception {
    List<RawClient> others = others();
    for (boolean reset : new boolean[] {true, false}) {
      for (int i = 0; i < 4; i++) {
        RawClient asking = node.connect();
        asking.send(storm.bytes(1_000));
        asking.socket().setSoLinger(reset, 0);
        asking.close();
        ping(others);
      }
    }
    Until.holds("them to be gone", () -> node.room().connections().get() == others.size());
    Until.holds("nobody to follow", () -> followers() == 0);
    close(others);
    Until.holds(
        "nothing to be under way",
        () -> node.room().unsent().answerBytes() == 0 && node.room().unsent().outputBytes() == 0);
  }

  private static long followers() throws IOException {
    try (RawClient client = node.connect()) {
      return client.ask("'type':'status','job':'live'").number("followers");
    }
  }

  private static byte[] repeated(String request, int times) {
    byte[][] frames = new byte[times][];
    Arrays.fill(frames, RawClient.frame(request));
    return RawClient.together(frames);
  }

  // Some of them are on the same event loop.
  private static List<RawClient> others() throws IOException {
    List<RawClient> others = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      others.add(node.connect());
    }
    ping(others);
    return others;
  }

  private static void ping(List<RawClient> clients) throws IOException {
    for (RawClient client : clients) {
      client.socket().setSoTimeout(5_000);
      assertEquals("pong", client.ask("'type':'ping'").type());
    }
  }

  private static void close(List<RawClient> clients) throws IOException {
    for (RawClient client : clients) {
      client.close();
    }
  }
}
