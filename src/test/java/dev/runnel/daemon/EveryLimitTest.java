package dev.runnel.daemon;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.process.engine.NativeEngine;
import dev.runnel.server.RawClient;
import dev.runnel.server.RawClient.Answer;
import dev.runnel.server.Until;
import dev.runnel.settings.Limit;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every limit at its documented minimum and maximum, out of the table of limits itself: a job that
 * is spooled and read back, one whose runner leaves and comes back, one that is watched, and a
 * command of the seed listener. All of them get everything, but for what stands in {@link
 * #REFUSALS}.
 */
@SuppressWarnings("NullAway.Init") // Made before the tests.
@Tag("slow")
class EveryLimitTest {
  private static final int EXIT_CODE = 7;
  private static final int LAST_NUMBER = 50_000;
  private static final String PRINT = "seq 1 " + LAST_NUMBER + "; exit " + EXIT_CODE;
  private static final byte[] PRINTED = numbers(LAST_NUMBER);

  private static final int PATIENCE_MILLIS = 30_000;

  private static final Set<String> NO_CONNECTION = Set.of("too_many_connections");

  /** What a limit refuses when it is at its minimum, by the code. A new limit refuses nothing. */
  private static final Map<Limit, Set<String>> REFUSALS =
      Map.ofEntries(
          Map.entry(Limit.MAX_CONNECTIONS, NO_CONNECTION),
          Map.entry(Limit.MAX_PRINCIPAL_CONNECTIONS, NO_CONNECTION),
          Map.entry(Limit.MAX_SOURCE_CONNECTIONS, NO_CONNECTION),
          Map.entry(Limit.MAX_PRINCIPAL_STARTS, Set.of("busy")),
          Map.entry(Limit.MAX_SOURCE_STARTS, Set.of("busy")),
          // The seed listener's commands ask for the usual log.
          Map.entry(Limit.MAX_PRINCIPAL_RETAIN, Set.of("busy")),
          Map.entry(Limit.MAX_SOURCE_RETAIN, Set.of("busy")),
          // There is no room for a detach.
          Map.entry(Limit.MAX_REQUESTS, Set.of("abandoned")),
          Map.entry(Limit.MAX_STALL_MS, Set.of("abandoned")),
          Map.entry(Limit.KEEP_MS, Set.of("unknown_job")),
          Map.entry(Limit.HELLO_MS, Set.of("too_slow")),
          Map.entry(Limit.FIRST_FRAME_MS, Set.of("too_slow")),
          Map.entry(Limit.FRAME_MS, Set.of("too_slow")));

  private static Vertx vertx;
  private static NativeEngine engine;

  private final Path folder;

  EveryLimitTest(@TempDir Path folder) {
    this.folder = folder;
  }

  @BeforeAll
  static void open() {
    vertx = Vertx.vertx(new VertxOptions().setPreferNativeTransport(true).setWorkerPoolSize(2));
    // The test's JVM has children of its own, which are not Runnel's to reap.
    engine = NativeEngine.open(NativeEngine.Ownership.GUEST);
  }

  @AfterAll
  static void close() {
    LimitedNode.await(vertx.close());
    engine.close();
  }

  private static byte[] numbers(int last) {
    StringBuilder numbers = new StringBuilder();
    IntStream.rangeClosed(1, last).forEach(i -> numbers.append(i).append('\n'));
    return numbers.toString().getBytes(UTF_8);
  }

  static Stream<Limit> everyLimit() {
    return Arrays.stream(Limit.values());
  }

  @ParameterizedTest
  @MethodSource("everyLimit")
  void servesAllAtTheMinimumOf(Limit limit) throws Exception {
    tryOut(Map.of(limit, limit.min()));
  }

  @ParameterizedTest
  @MethodSource("everyLimit")
  void servesAllAtTheMaximumOf(Limit limit) throws Exception {
    tryOut(Map.of(limit, limit.max()));
  }

  @Test
  void servesAllAtTheMaximumOfAll() throws Exception {
    Map<Limit, Long> most = new EnumMap<>(Limit.class);
    everyLimit().forEach(limit -> most.put(limit, limit.max()));
    tryOut(most);
  }

  /** What they share is short together, too: memory, places, the disk. */
  @Test
  void answersAllAtTheMinimumOfAll() throws Exception {
    Map<Limit, Long> least = new EnumMap<>(Limit.class);
    everyLimit()
        .filter(limit -> !REFUSALS.containsKey(limit))
        .forEach(limit -> least.put(limit, limit.min()));
    tryOut(least);
  }

  @Test
  void logsOfASpooledJobComeThoughARunnerThatDoesNotReadHoldsTheLeastMemory() throws Exception {
    Map<Limit, Long> limits = Map.of(Limit.MAX_LOG_BYTES, Limit.MAX_LOG_BYTES.min());
    Demand demand = Demand.within(limits);
    try (LimitedNode node = new LimitedNode(vertx, engine, folder, limits);
        RawClient stuck = node.connect();
        RawClient client = node.connect()) {
      demand.check(run(client, "spooled", demand.spooled()));
      stuck.send("'id':'r','job':'stuck','window':1024", PRINT);
      Until.holds(
          "it to fill the memory",
          () ->
              client.ask("'type':'status','job':'stuck'").number("output_bytes")
                  >= Limit.MAX_LOG_BYTES.min() - 4_096);
      demand.check(attach(client, "spooled", ""));
    }
  }

  private void tryOut(Map<Limit, Long> limits) throws Exception {
    Demand demand = Demand.within(limits);
    try (LimitedNode node = new LimitedNode(vertx, engine, folder, limits)) {
      for (Step step : List.<Step>of(this::spool, this::comeBack, this::watch, this::seed)) {
        try {
          step.take(node, demand);
        } catch (EOFException | SocketException closed) {
          // The refusal came before it, or was lost with what was still being sent.
          assertTrue(demand.maybeRefused(), () -> limits + ": " + closed);
        }
      }
    }
  }

  private interface Step {
    void take(LimitedNode node, Demand demand) throws IOException;
  }

  private void spool(LimitedNode node, Demand demand) throws IOException {
    try (RawClient client = node.connect()) {
      demand.check(run(client, "spooled", demand.spooled()));
    }
    try (RawClient client = node.connect()) {
      demand.check(attach(client, "spooled", ""));
    }
  }

  private void comeBack(LimitedNode node, Demand demand) throws IOException {
    try (RawClient client = node.connect()) {
      client.send("'id':'r','job':'left','window':1024," + demand.plain(), PRINT);
      Answer first = nextOf(client, "r");
      if (!first.type().equals("started")) {
        demand.checkRefusal(first);
        return;
      }
      client.ask("'type':'detach','follow':'r'");
    }
    try (RawClient client = node.connect()) {
      demand.check(attach(client, "left", ",'runner':true,'window':1024"));
    }
  }

  private void watch(LimitedNode node, Demand demand) throws IOException {
    try (RawClient runner = node.connect()) {
      runner.send("'id':'r','job':'watched','stdin':true," + demand.plain(), "read x; " + PRINT);
      Answer first = nextOf(runner, "r");
      if (!first.type().equals("started")) {
        demand.checkRefusal(first);
        return;
      }
      try (RawClient watcher = node.connect()) {
        watcher.send("'type':'attach','id':'w','job':'watched'");
        Answer second = nextOf(watcher, "w");
        runner.send("'type':'stdin','job':'watched','offset':0", "go\n");
        demand.check(read(runner, "r"));
        if (second.type().equals("started")) {
          demand.checkWithGaps(read(watcher, "w"));
        } else {
          demand.checkRefusal(second);
        }
      }
    }
  }

  /** Of a run that says nothing of its log. */
  @Test
  void usualLogIsNoLargerThanItMayBe() throws Exception {
    Map<Limit, Long> limits = Map.of(Limit.MAX_RETAIN, Limit.MAX_RETAIN.min());
    try (LimitedNode node = new LimitedNode(vertx, engine, folder, limits);
        RawClient client = node.connect()) {
      Demand.within(limits).check(run(client, "usual", "'linger_ms':0"));
      assertEquals(
          Limit.MAX_RETAIN.min(), client.ask("'type':'status','job':'usual'").number("retain"));
      client.send("'id':'w','job':'window','window':2048", PRINT);
      Answer refusal = nextOf(client, "w");
      assertEquals("bad_request", refusal.text("code"), refusal::toString);
    }
  }

  private void seed(LimitedNode node, Demand demand) throws IOException {
    try (Socket socket = node.connectToSeed()) {
      socket.setSoTimeout(PATIENCE_MILLIS);
      socket.getOutputStream().write("echo hi".getBytes(UTF_8));
      DataInputStream in = new DataInputStream(socket.getInputStream());
      in.skipNBytes(Integer.reverseBytes(in.readInt()));
      byte[] answer = new byte["hi\n".length()];
      in.readFully(answer);
      assertArrayEquals("hi\n".getBytes(UTF_8), answer, demand::toString);
    }
  }

  private static Got run(RawClient client, String job, String keys) throws IOException {
    client.send("'id':'r','job':'" + job + "'," + keys, PRINT);
    return read(client, "r");
  }

  private static Got attach(RawClient client, String job, String keys) throws IOException {
    client.send("'type':'attach','id':'a','job':'" + job + "'" + keys);
    return read(client, "a");
  }

  private static Answer nextOf(RawClient client, String id) throws IOException {
    while (true) {
      Answer answer = client.next();
      if (id.equals(answer.text("id")) || answer.header().path("close").asBoolean()) {
        return answer;
      }
    }
  }

  /** Reads what comes of the log from its first byte on, and acknowledges it. */
  private static Got read(RawClient client, String id) throws IOException {
    long next = 0;
    long missing = 0;
    Answer answer = nextOf(client, id);
    for (; !answer.isFinal(); answer = nextOf(client, id)) {
      if (answer.type().equals("output")) {
        int at = (int) answer.number("offset");
        assertEquals(next, at, answer::toString);
        next += answer.body().length;
        assertArrayEquals(Arrays.copyOfRange(PRINTED, at, (int) next), answer.body());
        client.send("'type':'ack','follow':'" + id + "','offset':" + next);
      } else if (answer.type().equals("gap")) {
        assertEquals(next, answer.number("from"), answer::toString);
        missing += answer.number("to") - next;
        next = answer.number("to");
      }
    }
    return new Got(answer, next, missing);
  }

  /**
   * What a follower got.
   *
   * @param next where its output ended
   * @param missing how much of what is before that
   */
  private record Got(Answer last, long next, long missing) {}

  /**
   * What jobs ask for, which is as much as they may, and what may be refused.
   *
   * @param gaps whether the disk may be too small for the output
   */
  private record Demand(Map<Limit, Long> limits, Set<String> refusals, boolean gaps) {
    private static final long RETAIN = 16_384;

    static Demand within(Map<Limit, Long> limits) {
      Set<String> refusals = new TreeSet<>();
      limits.forEach(
          (limit, value) -> {
            if (value == limit.min()) {
              refusals.addAll(REFUSALS.getOrDefault(limit, Set.of()));
            }
          });
      boolean gaps =
          limits.getOrDefault(Limit.MAX_SPOOL_BYTES, Long.MAX_VALUE) < 2L * PRINTED.length;
      return new Demand(limits, refusals, gaps);
    }

    String plain() {
      long most =
          limits.keySet().stream()
              .filter(limit -> limit.key().endsWith("retain"))
              .mapToLong(limits::get)
              .min()
              .orElse(RETAIN);
      long retain =
          Math.min(most, limits.getOrDefault(Limit.MAX_RETAIN, Limit.MAX_RETAIN.fallback()));
      Long linger = limits.get(Limit.MAX_LINGER_MS);
      return "'retain':" + retain + (linger == null ? "" : ",'linger_ms':" + linger);
    }

    String spooled() {
      Long bytes = limits.get(Limit.MAX_SPOOL_BYTES);
      return plain() + ",'on_full':'spool'" + (bytes == null ? "" : ",'spool_bytes':" + bytes);
    }

    boolean maybeRefused() {
      return !refusals.isEmpty();
    }

    void check(Got got) {
      checkWithGaps(got);
      if (got.last().text("outcome").equals("exited") && !gaps) {
        assertEquals(0, got.missing(), () -> this + ": " + got);
      }
    }

    void checkWithGaps(Got got) {
      Answer last = got.last();
      if (!last.text("outcome").equals("exited")) {
        checkRefusal(last);
        return;
      }
      assertEquals(EXIT_CODE, last.number("exit_code"), () -> this + ": " + got);
      assertEquals(PRINTED.length, got.next(), () -> this + ": " + got);
      assertEquals(PRINTED.length, last.number("output_bytes"), () -> this + ": " + got);
      assertEquals(got.missing(), last.number("gap_bytes"), () -> this + ": " + got);
    }

    void checkRefusal(Answer last) {
      String word = last.type().equals("end") ? last.text("outcome") : last.text("code");
      assertTrue(refusals.contains(word), () -> this + ": " + last);
    }
  }
}
