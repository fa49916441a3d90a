package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.Daemon;
import dev.runnel.server.RawClient.Ran;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What becomes of a job whose runner goes without a word, for every combination of what a run can
 * say about that: none waits for ever, and none loses output in silence.
 */
@Tag("either")
@Tag("slow")
class EveryPolicyTest {
  private static final int OUTPUT_BYTES = 300_000;
  private static final int RETAIN_BYTES = 65_536;

  @TempDir
  @SuppressWarnings("NullAway.Init")
  private Path folder;

  /** How long the seat may be vacant. */
  private enum Linger {
    NONE("0"),
    SHORT("100"),
    LONG("60000"),
    FOREVER("'forever'");

    private final String millis;

    Linger(String millis) {
      this.millis = millis;
    }

    /** Whether the job is ended for want of a runner. */
    boolean isOver() {
      return this == NONE || this == SHORT;
    }
  }

  /** One job. */
  private record Combination(Linger linger, String onFull, String leftovers, boolean kept) {
    String job() {
      return String.join("-", linger.name(), onFull, leftovers, kept ? "kept" : "forgotten");
    }

    String run() {
      return "'id':'r','job':'"
          + job()
          + "','window':65536,'grace_ms':100,'drain_ms':50,'retain':"
          + RETAIN_BYTES
          + ",'linger_ms':"
          + linger.millis
          + ",'on_full':'"
          + onFull
          + "','leftovers':'"
          + leftovers
          + "','keep_ms':"
          + (kept ? 600_000 : 1);
    }

    /** It leaves a process behind, whose id it says first; one that is given up never ends. */
    String command() {
      return "sleep 1000 >&- 2>&- & echo $!; head -c "
          + OUTPUT_BYTES
          + " /dev/zero | tr '\\0' x; "
          + (linger.isOver() ? "exec sleep 1000" : "exit 7");
    }

    boolean waits() {
      return !linger.isOver() && onFull.equals("block");
    }
  }

  /** A job whose runner is gone, seen by somebody else. */
  private record Left(Combination how, long leftover, RawClient watcher) {}

  private static List<Combination> combinations(Linger linger) {
    List<Combination> all = new ArrayList<>();
    for (String onFull : List.of("block", "drop", "spool")) {
      for (String leftovers : List.of("kill", "keep")) {
        all.add(new Combination(linger, onFull, leftovers, true));
        all.add(new Combination(linger, onFull, leftovers, false));
      }
    }
    return all;
  }

  @Test
  void hasItsOutcome() throws Exception {
    String state = folder.resolve("state").toString();
    try (Daemon daemon =
        Daemon.start("--listen", "127.0.0.1:0", "--insecure", "--state-dir", state)) {
      int port = daemon.port();
      for (Linger linger : Linger.values()) {
        List<Left> all = new ArrayList<>();
        for (Combination how : combinations(linger)) {
          all.add(leave(port, how));
        }
        for (Left left : all) {
          try {
            check(port, left);
          } catch (AssertionError e) {
            throw new AssertionError(left.how().job(), e);
          } finally {
            left.watcher().close();
            ProcessHandle.of(left.leftover()).ifPresent(ProcessHandle::destroyForcibly);
          }
        }
      }
    }
  }

  private static Left leave(int port, Combination how) throws Exception {
    try (RawClient runner = new RawClient(port)) {
      runner.send(how.run(), how.command());
      StringBuilder said = new StringBuilder();
      while (said.indexOf("\n") < 0) {
        said.append(runner.output(1));
      }
      RawClient watcher = new RawClient(port);
      watcher.send("'type':'attach','id':'w','job':'" + how.job() + "','from':'end'");
      watcher.nextOfType("started");
      long leftover = Long.parseLong(said.substring(0, said.indexOf("\n")));
      return new Left(how, leftover, watcher);
    }
  }

  private static void check(int port, Left left) throws Exception {
    Combination how = left.how();
    if (how.waits()) {
      checkThatItWaits(port, how);
    }
    Ran ran = left.watcher().finish("w");
    assertEquals(how.linger().isOver() ? "abandoned" : "exited", ran.outcome());
    boolean spared = how.leftovers().equals("keep") && !how.linger().isOver();
    assertEquals(spared, Until.isAlive(left.leftover()), "the process left behind");
    try (RawClient late = new RawClient(port)) {
      if (how.kept()) {
        checkReplay(late, how, left.leftover());
      } else {
        Until.holds(
            how.job() + " to be forgotten",
            () ->
                late.ask("'type':'status','job':'" + how.job() + "'")
                    .text("code")
                    .equals("unknown_job"));
      }
    }
  }

  private static void checkThatItWaits(int port, Combination how) throws Exception {
    try (RawClient next = new RawClient(port)) {
      Until.holds(
          how.job() + " to be full",
          () ->
              next.ask("'type':'status','job':'" + how.job() + "'").number("output_bytes")
                  >= RETAIN_BYTES);
      next.send("'type':'attach','id':'a','runner':true,'job':'" + how.job() + "'");
      Ran ran = next.finish("a");
      assertEquals(7, ran.end().path("exit_code").asInt());
      assertEquals(0, ran.end().path("gap_bytes").asLong(-1));
      assertTrue(ran.stdout().length > OUTPUT_BYTES, () -> "bytes: " + ran.stdout().length);
    }
  }

  private static void checkReplay(RawClient late, Combination how, long leftover) throws Exception {
    late.send("'type':'attach','id':'a','job':'" + how.job() + "'");
    Ran ran = late.finish("a");
    long gap = ran.end().path("gap_bytes").asLong(-1);
    long length = ran.end().path("output_bytes").asLong();
    assertEquals(length, gap + ran.stdout().length);
    if (how.linger().isOver()) {
      return;
    }
    assertEquals(OUTPUT_BYTES + (leftover + "\n").length(), length);
    assertEquals(7, ran.end().path("exit_code").asInt());
    if (how.onFull().equals("spool")) {
      assertEquals(0, gap);
    } else {
      assertTrue(ran.stdout().length >= RETAIN_BYTES, () -> "replayed: " + ran.stdout().length);
      assertTrue(gap > 0, () -> "gap: " + gap);
    }
  }
}
