package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.runnel.Daemon;
import dev.runnel.server.RawClient.Ran;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Commands that leave daemons, in a real daemon: each of them is ended and told, and when all is
 * over the daemon is as it was. The seed is printed; LEFT_BEHIND_SEED sets it, LEFT_BEHIND_COMMANDS
 * how many commands each of the long forms runs.
 */
@Tag("also-root")
@Tag("slow")
class LeftBehindSoakTest {
  private static final int FEW = 64;
  private static final String MANY = "2500";

  /**
   * Places that are free while all workers are busy: an abandoned job may keep its own a moment.
   */
  private static final int SPARE = 4;

  /** Long enough for a leader that gets TERM to be gone well before its daemon gets KILL. */
  private static final int GRACE_MILLIS = 600;

  /** In the last of so many sessions, each of which a process began that ended then. */
  private static final int LONGEST_CHAIN = 5;

  @TempDir Path folder = Path.of("");

  private enum Cause {
    END("exited"),
    CANCEL("canceled"),
    TIMEOUT("timed_out"),
    CUT("abandoned");

    private final String outcome;

    Cause(String outcome) {
      this.outcome = outcome;
    }
  }

  private enum Fork {
    SINGLE,
    DOUBLE,
    CHAIN
  }

  @Test
  void leaveNobodyBehind() throws Exception {
    runAll(8, FEW);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 4, 16})
  @Tag("long")
  @Timeout(2 * 3_600)
  void leaveNobodyBehindForLong(int atOnce) throws Exception {
    runAll(atOnce, Integer.parseInt(System.getenv().getOrDefault("LEFT_BEHIND_COMMANDS", MANY)));
  }

  private static long seed() {
    String set = System.getenv("LEFT_BEHIND_SEED");
    return set == null ? System.nanoTime() % 1_000_000 : Long.parseLong(set);
  }

  private void runAll(int atOnce, int count) throws Exception {
    long seed = seed();
    System.out.println("left behind: LEFT_BEHIND_SEED=" + seed + " at once: " + atOnce);
    Path chain =
        Files.writeString(
            folder.resolve("chain"),
            """
            [ $1 = 0 ] || { setsid sh "$0" $(($1 - 1)) $2 & exit 0; }
            echo x
            exec sleep $2 <&- >&- 2>&-
            """);
    int places = atOnce + SPARE;
    try (Daemon daemon =
        Daemon.start(
            "--listen",
            "127.0.0.1:0",
            "--insecure",
            "--dumpable",
            "--limit",
            "max_jobs=" + places)) {
      int port = daemon.port();
      SplittableRandom random = new SplittableRandom(seed);
      Told told = new Told();
      // Threads that are needed for so many are there afterwards.
      work(port, atOnce, 4 * atOnce, chain, random, told);
      fill(port, places);
      Until.holds(
          "no connection", () -> holdings(daemon).getOrDefault("descriptor socket", 0) == 1);
      Map<String, Integer> before = holdings(daemon);
      work(port, atOnce, count, chain, random, told);
      fill(port, places);
      awaitHoldings(before, daemon);
      System.out.println("left behind: " + told);
      daemon.process().destroy();
      assertEquals(0, daemon.exitCode());
      assertEquals(List.of(), daemon.warnings());
    }
  }

  /** How many commands there were, and how many of them were told to have left something. */
  private static final class Told {
    private final Map<String, int[]> counts = new TreeMap<>();

    private synchronized void add(String kind, boolean isTold) {
      int[] count = counts.computeIfAbsent(kind, _ -> new int[2]);
      count[0]++;
      count[1] += isTold ? 1 : 0;
    }

    @Override
    public synchronized String toString() {
      StringBuilder text = new StringBuilder();
      counts.forEach(
          (kind, count) ->
              text.append("\n%s: %d commands, %d told".formatted(kind, count[0], count[1])));
      return text.toString();
    }
  }

  private static void work(
      int port, int atOnce, int count, Path chain, SplittableRandom random, Told told)
      throws Exception {
    List<Callable<Boolean>> workers = new ArrayList<>();
    for (int i = 0; i < atOnce; i++) {
      Worker worker = new Worker(port, i, chain, random.split(), told);
      int share = count / atOnce + (i < count % atOnce ? 1 : 0);
      workers.add(() -> worker.run(share));
    }
    try (ExecutorService executor = Executors.newFixedThreadPool(atOnce)) {
      for (Future<Boolean> result : executor.invokeAll(workers)) {
        result.get();
      }
    } catch (ExecutionException e) {
      throw new AssertionError(e.getCause());
    }
  }

  /** One client after another, and the commands that it runs. */
  private static final class Worker {
    private static final String CLOSED = " <&- >&- 2>&-";

    private final int port;
    private final String length;
    private final Path chain;
    private final SplittableRandom random;
    private final Told told;
    private int count;

    private Worker(int port, int number, Path chain, SplittableRandom random, Told told) {
      this.port = port;
      // Its daemons are known by how long they sleep.
      this.length = "" + (700_000 + Math.floorMod(ProcessHandle.current().pid(), 10_000)) + number;
      this.chain = chain;
      this.random = random;
      this.told = told;
    }

    private boolean run(int commands) throws Exception {
      try (RawClient other = new RawClient(port)) {
        RawClient client = new RawClient(port);
        try {
          for (int i = 0; i < commands; i++) {
            Cause cause = any(Cause.values());
            Fork fork = any(Fork.values());
            runOne(cause, fork, client, other);
            if (cause == Cause.CUT) {
              client.close();
              client = new RawClient(port);
            }
          }
        } finally {
          client.close();
        }
      }
      return true;
    }

    private <T> T any(T[] all) {
      return List.of(all).get(random.nextInt(all.length));
    }

    private void runOne(Cause cause, Fork fork, RawClient client, RawClient other)
        throws Exception {
      boolean stubborn = random.nextInt(3) == 0;
      // Unlike its name within the connection, a job's is known for a while after its end.
      String job = "left-" + length + "-" + System.nanoTime() + "-" + count++;
      String more = cause == Cause.TIMEOUT ? ",'timeout_ms':" + (20 + random.nextInt(150)) : "";
      String keys = "'id':'r','job':'%s','grace_ms':%d%s".formatted(job, GRACE_MILLIS, more);
      client.send(keys, line(cause, fork, stubborn));
      JsonNode end = end(cause, job, client, other);
      List<String> alive = alive();
      String what = cause + " " + fork + (stubborn ? " stubborn " : " ") + end;
      assertEquals(List.of(), alive, what);
      assertEquals(cause.outcome, end.path("outcome").asText(), what);
      int left = end.path("leftovers_total").asInt(-1);
      assertTrue(left >= 0, what);
      for (JsonNode leftover : end.path("leftovers")) {
        assertTrue(leftover.path("ended").asBoolean(), what);
      }
      // One that falls by the same signal as its leader does not outlive it.
      boolean isSurvivor =
          cause == Cause.END
              || (stubborn && cause != Cause.TIMEOUT && end.path("signal").asText().equals("TERM"));
      assertTrue(left > 0 || !isSurvivor, what);
      told.add(cause + " " + fork + (stubborn ? " that ignores TERM" : ""), left > 0);
    }

    private String line(Cause cause, Fork fork, boolean stubborn) {
      String daemon =
          switch (fork) {
            case SINGLE -> "exec setsid sh " + chain + " 0 " + length;
            case DOUBLE -> "exec setsid sh -c 'sh " + chain + " 0 " + length + " & exit 0'";
            case CHAIN ->
                "exec sh %s %d %s".formatted(chain, 2 + random.nextInt(LONGEST_CHAIN - 1), length);
          };
      String line = "(" + (stubborn ? "trap '' TERM; " : "") + daemon + ")";
      // It goes on forking while it is looked for.
      return cause == Cause.END ? line + CLOSED + " & exit 0" : line + " & sleep 1000";
    }

    private static JsonNode end(Cause cause, String job, RawClient client, RawClient other)
        throws Exception {
      if (cause == Cause.CANCEL || cause == Cause.CUT) {
        client.output(1);
      }
      if (cause == Cause.CANCEL) {
        assertEquals("ok", other.ask("'type':'cancel','job':'" + job + "'").type());
      }
      if (cause != Cause.CUT) {
        Ran ran = client.finish("r");
        return ran.end();
      }
      client.socket().close();
      JsonNode[] status = new JsonNode[1];
      Until.holds(
          "end of " + job,
          () -> {
            status[0] = other.ask("'type':'status','job':'" + job + "'").header();
            return status[0].path("state").asText().equals("ended");
          });
      return status[0];
    }

    /** Whoever runs with that number among its arguments. */
    private List<String> alive() throws IOException {
      List<String> alive = new ArrayList<>();
      Pattern ours = Pattern.compile("\\b" + length + "\\b");
      try (DirectoryStream<Path> all = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
        for (Path path : all) {
          String arguments = text(path.resolve("cmdline"));
          boolean isOurs = ours.matcher(arguments).find();
          if (isOurs && Until.isAlive(Long.parseLong(path.getFileName().toString()))) {
            alive.add(path + " " + arguments.replace('\0', ' '));
          }
        }
      }
      return alive;
    }
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException gone) {
      return "";
    }
  }

  /** Takes every place there is, at once, which shows that all were free. */
  private static void fill(int port, int places) throws Exception {
    try (RawClient client = new RawClient(port)) {
      // The last ones may have told their end a moment before they gave their place back.
      Until.holds(
          "all ended",
          () ->
              client.ask("'type':'jobs','state':'running'").text().equals("[]")
                  && client.ask("'type':'jobs','state':'draining'").text().equals("[]"));
      String name = "fill-" + System.nanoTime() + "-";
      for (int i = 0; i < places; i++) {
        client.send("'id':'f%d','job':'%s%d','stdin':true".formatted(i, name, i), "cat");
      }
      for (int i = 0; i < places; i++) {
        assertEquals("started", client.nextOf("f" + i).type());
      }
      for (int i = 0; i < places; i++) {
        client.send("'type':'stdin','job':'%s%d','offset':0,'eof':true".formatted(name, i));
      }
      for (int i = 0; i < places; i++) {
        assertEquals("exited", client.finish("f" + i).outcome());
      }
    }
  }

  private static void awaitHoldings(Map<String, Integer> before, Daemon daemon) throws Exception {
    List<Map<String, Integer>> last = new ArrayList<>();
    try {
      Until.holds(
          "the same descriptors, threads and children",
          () -> {
            last.clear();
            last.add(holdings(daemon));
            return last.getFirst().equals(before);
          });
    } catch (AssertionError e) {
      assertEquals(before, last.getFirst(), "the same descriptors, threads and children");
      throw e;
    }
  }

  /** Its descriptors by their kind, its threads by name, and how many children it has. */
  private static Map<String, Integer> holdings(Daemon daemon) throws IOException {
    Path process = Path.of("/proc/" + daemon.process().pid());
    Map<String, Integer> holdings = new TreeMap<>();
    try (DirectoryStream<Path> all = Files.newDirectoryStream(process.resolve("fd"))) {
      for (Path fd : all) {
        String kind = kind(fd);
        // Which of its files a JVM has open is its own affair.
        if (!kind.startsWith("/") || kind.startsWith("/dev/")) {
          holdings.merge("descriptor " + kind, 1, Integer::sum);
        }
      }
    }
    try (DirectoryStream<Path> all = Files.newDirectoryStream(process.resolve("task"))) {
      for (Path thread : all) {
        String name = text(thread.resolve("comm")).strip();
        // The JVM makes and ends the first as it likes; of the second there are as many, to a
        // bound,
        // as ever were needed at once.
        if (!name.matches("C[12] Compiler.*|runnel-spawner-")) {
          holdings.merge("thread " + name, 1, Integer::sum);
        }
        int children = text(thread.resolve("children")).strip().split(" +").length;
        if (!text(thread.resolve("children")).isBlank()) {
          holdings.merge("child", children, Integer::sum);
        }
      }
    }
    return holdings;
  }

  private static String kind(Path fd) throws IOException {
    try {
      String target = Files.readSymbolicLink(fd).toString();
      return target.replaceFirst(":\\[[0-9]*\\]$", "");
    } catch (NoSuchFileException closed) {
      return "/gone";
    }
  }
}
