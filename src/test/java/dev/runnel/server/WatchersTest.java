package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.server.RawClient.Answer;
import dev.runnel.server.RawClient.Ran;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Many who follow one job, and how little that concerns it. */
class WatchersTest extends NodeTest {
  private static final int WATCHERS = 100;
  private static final String ENDLESS = "seq 1 100000000";

  @Test
  void hundredWatchersSeeTheSameBytes() throws Exception {
    RawClient runner = connect();
    List<RawClient> watchers = new ArrayList<>();
    runner.send("'id':'r','job':'many','stdin':true", "head -c 1; seq 1 50000");
    runner.nextOfType("started");
    for (int i = 0; i < WATCHERS; i++) {
      RawClient watcher = connect();
      watcher.send("'type':'attach','id':'w','job':'many','from':" + (i % 2 == 0 ? "0" : "'end'"));
      watcher.nextOfType("started");
      watchers.add(watcher);
    }
    assertEquals(WATCHERS + 1, runner.ask("'type':'status','job':'many'").number("followers"));
    runner.send("'type':'stdin','job':'many','offset':0", "x");
    byte[] expected = runner.finish("r").stdout();
    for (RawClient watcher : watchers) {
      Ran ran = watcher.finish("w");
      assertEquals(0, ran.end().path("gap_bytes").asLong(-1));
      assertArrayEquals(expected, ran.stdout());
      watcher.close();
    }
  }

  @Test
  void watcherThatNeverReadsIsOvertakenAndToldAndNobodyWaits() throws Exception {
    RawClient runner = connect();
    RawClient stuck = connect();
    RawClient lively = connect();
    runner.send("'id':'r','job':'over','stdin':true,'retain':65536", "head -c 1; seq 1 3000000");
    runner.nextOfType("started");
    stuck.send("'type':'attach','id':'s','job':'over'");
    stuck.nextOfType("started");
    lively.send("'type':'attach','id':'l','job':'over'");
    lively.nextOfType("started");
    runner.send("'type':'stdin','job':'over','offset':0", "x");
    // Whatever the sockets hold is less than what is written: the runner has all of it.
    Ran all = runner.finish("r");
    assertEquals("exited", all.outcome());
    Ran told = stuck.finish("s");
    long gaps = told.end().path("gap_bytes").asLong();
    assertTrue(gaps > 0, () -> "no gap: " + told.end());
    assertEquals(all.stdout().length - gaps, told.stdout().length);
    Ran seen = lively.finish("l");
    assertEquals(all.stdout().length, seen.stdout().length + seen.end().path("gap_bytes").asLong());
  }

  @Test
  void runnerThatAcknowledgesNothingHoldsTheProcessAndNoWatcher() throws Exception {
    RawClient runner = connect();
    RawClient watcher = connect();
    int retain = 65_536;
    runner.send("'id':'r','job':'held','window':4096,'retain':" + retain, ENDLESS);
    runner.nextOfType("started");
    watcher.send("'type':'attach','id':'w','job':'held'");
    assertEquals(retain, watcher.output(retain).length());
    Answer status = watcher.ask("'type':'status','job':'held'");
    assertEquals(retain, status.number("output_bytes"));
    // A process that waits is not woken for less than a quarter of its room; one that had not asked
    // for any yet takes what there is.
    int acknowledged = retain / 2;
    for (int end = 4_096; end <= acknowledged; end += 4_096) {
      assertEquals(4_096, runner.output(4_096).length());
      runner.send("'type':'ack','follow':'r','offset':" + end);
    }
    watcher.output(acknowledged - retain / 4);
    long length = watcher.ask("'type':'status','job':'held'").number("output_bytes");
    assertTrue(length <= retain + acknowledged, () -> "beyond what it may be: " + length);
    watcher.send("'type':'cancel','id':'c','job':'held'");
    assertEquals("canceled", watcher.finish("w").outcome());
  }

  @Test
  void watcherWithAWindowGoesOnBehindAGap() throws Exception {
    RawClient runner = connect();
    RawClient watcher = connect();
    runner.send("'id':'r','job':'win','stdin':true,'retain':16384", "head -c 1; seq 1 100000");
    runner.nextOfType("started");
    watcher.send("'type':'attach','id':'w','job':'win','window':1024");
    watcher.nextOfType("started");
    runner.send("'type':'stdin','job':'win','offset':0", "x");
    int length = runner.finish("r").stdout().length;
    long got = 0;
    long gaps = 0;
    Answer answer = watcher.next();
    for (; !answer.isFinal(); answer = watcher.next()) {
      if (answer.type().equals("gap")) {
        gaps += answer.number("to") - answer.number("from");
      } else if (answer.type().equals("output")) {
        got += answer.body().length;
        long to = answer.number("offset") + answer.body().length;
        watcher.send("'type':'ack','follow':'w','offset':" + to);
      }
    }
    assertEquals(length, got + gaps);
    assertEquals(gaps, answer.number("gap_bytes"));
    assertTrue(gaps > 0);
  }
}
