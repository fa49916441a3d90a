package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.server.RawClient.Answer;
import org.junit.jupiter.api.Test;

/** Jobs whose runner is gone, and runs that are sent again. */
class LingerTest extends NodeTest {
  @Test
  void jobThatMayLingerIsThereWhenItsRunnerComesBack() throws Exception {
    RawClient lost = connect();
    lost.send(
        "'id':'r','job':'back','linger_ms':60000,'stdin':true,'window':65536", "cat; seq 1 3");
    lost.send("'type':'stdin','job':'back','offset':0", "abc");
    assertEquals("abc", lost.output(3));
    lost.send("'type':'ack','follow':'r','offset':2");
    lost.close();
    RawClient back = connect();
    back.send("'type':'attach','id':'a','job':'back','runner':true,'from':2,'window':65536");
    assertEquals(2, back.nextOfType("started").number("next"));
    assertEquals(3, back.nextOfType("stdin_ack").number("offset"));
    back.send("'type':'stdin','job':'back','offset':1,'eof':true", "bcd");
    assertEquals("cd1\n2\n3\n", back.finish("a").out());
  }

  @Test
  void jobIsAbandonedWhenItsTimeIsUp() throws Exception {
    RawClient lost = connect();
    lost.send("'id':'r','job':'gone','linger_ms':200", "sleep 1000");
    lost.nextOfType("started");
    lost.close();
    RawClient other = connect();
    other.send("'type':'attach','id':'a','job':'gone'");
    assertEquals("abandoned", other.finish("a").outcome());
  }

  @Test
  void clockStopsWhenSomebodyTakesTheSeat() throws Exception {
    RawClient lost = connect();
    lost.send("'id':'r','job':'kept','linger_ms':1500,'stdin':true", "cat");
    lost.nextOfType("started");
    lost.close();
    RawClient back = connect();
    back.send("'type':'attach','id':'a','job':'kept','runner':true");
    back.nextOfType("started");
    // Another clock of the same length, set later, has run down.
    RawClient witness = connect();
    witness.send("'id':'r','job':'witness','linger_ms':1500", "sleep 1000");
    witness.nextOfType("started");
    witness.close();
    back.send("'type':'attach','id':'w','job':'witness'");
    assertEquals("abandoned", back.finish("w").outcome());
    assertEquals("running", back.ask("'type':'status','job':'kept'").text("state"));
    back.send("'type':'stdin','job':'kept','offset':0,'eof':true", "on");
    assertEquals("on", back.finish("a").out());
  }

  @Test
  void sameRunAgainTakesTheSeatAndReplays() throws Exception {
    RawClient first = connect();
    String run = "'job':'same','once':'o-1','linger_ms':60000,'window':65536,";
    first.send(run + "'id':'r','stdin':true", "echo hi; cat");
    assertEquals("hi\n", first.output(3));
    RawClient again = connect();
    again.send(run + "'id':'r','stdin':true", "echo hi; cat");
    Answer started = again.nextOfType("started");
    assertTrue(started.header().path("existing").asBoolean(), started::toString);
    assertEquals("replaced", first.finalOf("r").text("reason"));
    again.send("'type':'stdin','job':'same','offset':0,'eof':true", "x");
    assertEquals("hi\nx", again.finish("r").out());
    // And once more, after the end.
    again.send(run + "'id':'late','stdin':true", "echo hi; cat");
    assertEquals("ended", again.nextOfType("started").text("state"));
    assertEquals("hi\nx", again.finish("late").out());
    assertEquals(1, again.ask("'type':'jobs','prefix':'same'").body().length > 2 ? 1 : 0);
  }

  @Test
  void anotherRunOfTheSameNameIsRefused() throws Exception {
    RawClient client = connect();
    client.send("'id':'r','job':'taken','once':'o-1'", "true");
    client.finish("r");
    assertEquals("job_exists", client.ask("'job':'taken','argv':['true']").text("code"));
    String other = "'job':'taken','once':'o-2','argv':['true']";
    assertEquals("job_exists", client.ask(other).text("code"));
  }

  @Test
  void fullLogWithoutARunnerHoldsTheProcess() throws Exception {
    RawClient lost = connect();
    lost.send(
        "'id':'r','job':'full','linger_ms':'forever','window':65536,'retain':65536",
        "head -c 1000000 /dev/zero | tr '\\0' x");
    lost.nextOfType("started");
    lost.close();
    RawClient back = connect();
    Until.holds(
        "a full log",
        () -> back.ask("'type':'status','job':'full'").number("output_bytes") == 65_536);
    back.send("'type':'attach','id':'a','job':'full','runner':true");
    assertEquals(1_000_000, back.finish("a").stdout().length);
  }

  @Test
  void oldestOutputGoesWhereTheJobSaysSo() throws Exception {
    RawClient lost = connect();
    lost.send(
        "'id':'r','job':'drop','linger_ms':'forever','on_full':'drop','window':65536,'retain':65536",
        "head -c 1000000 /dev/zero | tr '\\0' x; printf END");
    lost.nextOfType("started");
    lost.close();
    RawClient back = connect();
    Until.holds(
        "its end", () -> back.ask("'type':'status','job':'drop'").text("state").equals("ended"));
    back.send("'type':'attach','id':'a','job':'drop','runner':true");
    Answer gap = back.nextOfType("gap");
    assertEquals(0, gap.number("from"));
    RawClient.Ran ran = back.finish("a");
    assertTrue(ran.out().endsWith("xEND"));
    assertEquals(gap.number("to"), ran.end().path("gap_bytes").asLong());
    assertEquals(1_000_003 - gap.number("to"), ran.stdout().length);
    assertTrue(ran.stdout().length >= 65_536, () -> "replayed: " + ran.stdout().length);
  }
}
