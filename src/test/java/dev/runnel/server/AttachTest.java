package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.server.RawClient.Answer;
import dev.runnel.server.RawClient.Ran;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Following a job that is there, watching it, and taking its seat. */
@Tag("also-root")
class AttachTest extends NodeTest {
  private static final String NUMBERS = lines(1, 20_000);

  private static String lines(int from, int to) {
    StringBuilder lines = new StringBuilder();
    IntStream.rangeClosed(from, to).forEach(i -> lines.append(i).append('\n'));
    return lines.toString();
  }

  @Test
  void watcherSeesWhatWasWrittenAndThenWhatIs() throws Exception {
    RawClient runner = connect();
    RawClient watcher = connect();
    runner.send("'id':'r','job':'seam','stdin':true", "seq 1 10000; head -c 1; seq 10001 20000");
    assertEquals(lines(1, 10_000), runner.output(lines(1, 10_000).length()));
    watcher.send("'type':'attach','id':'w','job':'seam'");
    Answer started = watcher.nextOfType("started");
    assertTrue(started.header().path("existing").asBoolean(), started::toString);
    assertEquals(0, started.number("next"));
    assertEquals("running", started.text("state"));
    assertFalse(started.header().has("stdin_window"));
    runner.send("'type':'stdin','job':'seam','offset':0", "x");
    assertEquals("x" + lines(10_001, 20_000), runner.finish("r").out());
    assertEquals(lines(1, 10_000) + "x" + lines(10_001, 20_000), watcher.finish("w").out());
  }

  @Test
  void watcherComesAfterTheEnd() throws Exception {
    RawClient client = connect();
    client.send("'id':'r','job':'late'", "seq 1 20000; exit 3");
    assertEquals(NUMBERS, client.finish("r").out());
    client.send("'type':'attach','id':'a','job':'late'");
    assertEquals("ended", client.nextOfType("started").text("state"));
    assertEquals(3, client.nextOfType("exited").number("exit_code"));
    Ran again = client.finish("a");
    assertEquals(NUMBERS, again.out());
    assertEquals(3, again.end().path("exit_code").asInt());
    assertEquals(0, again.end().path("gap_bytes").asLong(-1));
  }

  @Test
  void comesInWhereItIsToldTo() throws Exception {
    RawClient client = connect();
    client.send("'id':'r','job':'middle'", "printf abcdef");
    client.finish("r");
    client.send("'type':'attach','id':'a','job':'middle','from':2");
    assertEquals(2, client.nextOfType("started").number("next"));
    assertEquals("cdef", client.finish("a").out());
    client.send("'type':'attach','id':'b','job':'middle','from':'end'");
    assertEquals(6, client.nextOfType("started").number("next"));
    assertEquals("", client.finish("b").out());
    Answer beyond = client.ask("'type':'attach','job':'middle','from':7");
    assertEquals("bad_request", beyond.text("code"));
    assertEquals("from: 7 (log: 6)", beyond.text("message"));
  }

  @Test
  void unknownJobsAndOtherLivesAreNotFollowed() throws Exception {
    RawClient client = connect();
    assertEquals("unknown_job", client.ask("'type':'attach','job':'nobody'").text("code"));
    client.send("'id':'r','job':'here'", "true");
    client.finish("r");
    assertEquals("stale", client.ask("'type':'attach','job':'here','boot':'other'").text("code"));
    Answer tooMuch = client.ask("'type':'attach','job':'here','window':1048577");
    assertEquals("window: 1048577 (retain: 1048576)", tooMuch.text("message"));
  }

  @Test
  void jobThatNeverStartedEndsForEverybody() throws Exception {
    RawClient client = connect();
    client.send("'id':'r','job':'failed','argv':['/nonesuch']");
    assertEquals("start_failed", client.finish("r").outcome());
    client.send("'type':'attach','id':'a','job':'failed'");
    Answer end = client.nextOf("a");
    assertEquals("start_failed", end.text("outcome"), end::toString);
    assertEquals("ENOENT", end.text("errno"), end::toString);
  }

  @Test
  void watcherThatLeavesTakesNothingWithIt() throws Exception {
    RawClient runner = connect();
    RawClient watcher = connect();
    runner.send("'id':'r','job':'stays','stdin':true", "cat");
    runner.nextOfType("started");
    watcher.send("'type':'attach','id':'w','job':'stays'");
    watcher.nextOfType("started");
    assertEquals(2, runner.ask("'type':'status','job':'stays'").number("followers"));
    watcher.close();
    Until.holds(
        "only the runner to be left",
        () -> runner.ask("'type':'status','job':'stays'").number("followers") == 1);
    runner.send("'type':'stdin','job':'stays','offset':0,'eof':true", "on");
    assertEquals("on", runner.finish("r").out());
  }

  @Test
  void seatIsTakenAndWhoHadItIsTold() throws Exception {
    RawClient first = connect();
    RawClient second = connect();
    first.send("'id':'r','job':'seat','stdin':true", "cat");
    first.send("'type':'stdin','job':'seat','offset':0", "abc");
    assertEquals("abc", first.output(3));
    second.send("'type':'attach','id':'a','job':'seat','runner':true,'from':1");
    Answer started = second.nextOfType("started");
    assertEquals(65_536, started.number("stdin_window"));
    assertEquals(3, second.next().number("offset"));
    assertEquals("replaced", first.finalOf("r").text("reason"));
    first.send("'type':'stdin','job':'seat','offset':3", "lost");
    second.send("'type':'stdin','job':'seat','offset':3,'eof':true", "def");
    Ran ran = second.finish("a");
    assertEquals("bcdef", ran.out());
    assertEquals("exited", ran.outcome());
    // Its id is free again.
    first.send("'id':'r'", "echo again");
    assertEquals("again\n", first.finish("r").out());
  }

  @Test
  void seatIsTakenOnTheSameConnection() throws Exception {
    RawClient client = connect();
    client.send("'id':'r','job':'own','stdin':true", "cat");
    client.nextOfType("started");
    client.send("'type':'attach','id':'a','job':'own','runner':true");
    assertEquals("replaced", client.finalOf("r").text("reason"));
    client.nextThat(answer -> "a".equals(answer.id()) && answer.type().equals("stdin_ack"));
    client.send("'type':'stdin','job':'own','offset':0,'eof':true", "mine");
    assertEquals("mine", client.finish("a").out());
  }

  @Test
  void detachLeavesTheJobAlone() throws Exception {
    RawClient client = connect();
    client.send("'id':'r','job':'left','stdin':true", "cat");
    client.nextOfType("started");
    assertEquals("ok", client.ask("'type':'detach','follow':'r'").type());
    assertEquals("asked", client.finalOf("r").text("reason"));
    assertEquals("running", client.ask("'type':'status','job':'left'").text("state"));
    client.send("'type':'attach','id':'a','job':'left','runner':true");
    client.nextOfType("stdin_ack");
    client.send("'type':'stdin','job':'left','offset':0,'eof':true", "back");
    assertEquals("back", client.finish("a").out());
  }

  @Test
  void detachOfWhatIsNotFollowedIsRefused() throws Exception {
    RawClient client = connect();
    assertEquals("bad_request", client.ask("'type':'detach','follow':'x'").text("code"));
    assertEquals("bad_request", client.ask("'type':'detach'").text("code"));
  }
}
