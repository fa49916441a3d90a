package dev.runnel.server;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.server.RawClient.Answer;
import dev.runnel.server.RawClient.Ran;
import java.io.IOException;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Jobs on a terminal, as clients see them. */
@Tag("also-root")
class TerminalJobsTest extends NodeTest {
  private static final String TERMINAL = "'pty':{'rows':33,'cols':99,'term':'vt220'}";
  private static final String TYPED = TERMINAL + ",'stdin':true";

  /** Waits until the output ends so; returns all of it. */
  private static String outputUntil(RawClient client, String end) throws IOException {
    StringBuilder output = new StringBuilder();
    while (!output.toString().endsWith(end)) {
      output.append(client.output(1));
    }
    return output.toString();
  }

  private static void type(RawClient client, String job, long offset, String keys)
      throws IOException {
    client.send(
        RawClient.frame(
            "'type':'stdin','job':'" + job + "','offset':" + offset, keys.getBytes(UTF_8)));
  }

  @Test
  void hasSizeAndNameAndOneStream() throws Exception {
    RawClient client = connect();
    client.send("'id':'r'," + TERMINAL, "stty size </dev/tty; echo $TERM; echo err >&2");
    Ran ran = client.finish("r");
    assertEquals("33 99\r\nvt220\r\nerr\r\n", ran.out());
    assertEquals("", ran.err());
    assertEquals(ran.stdout().length, ran.end().path("stdout").path("bytes").asLong());
    assertEquals(0, ran.end().path("stderr").path("bytes").asLong());
  }

  @Test
  void keysAreBytes() throws Exception {
    RawClient client = connect();
    client.send(
        "'id':'r','job':'keys'," + TYPED,
        "trap 'echo caught' INT; sh -c 'echo ready; exec cat'; read line; echo got $line; cat; exit 4");
    outputUntil(client, "ready\r\n");
    type(client, "keys", 0, "\u0003");
    outputUntil(client, "caught\r\n");
    type(client, "keys", 1, "typed\n");
    outputUntil(client, "got typed\r\n");
    type(client, "keys", 7, "\u0004");
    assertEquals(4, client.finish("r").end().path("exit_code").asInt());
  }

  @Test
  void eofEndsWhatIsRead() throws Exception {
    RawClient client = connect();
    client.send("'id':'r','job':'eof'," + TYPED, "stty -echo; echo ready; cat; echo over");
    outputUntil(client, "ready\r\n");
    client.send(RawClient.frame("'type':'stdin','job':'eof','offset':0,'eof':true", "unfinished"));
    assertEquals("unfinishedover\r\n", client.finish("r").out());
  }

  @Test
  void resizeIsAnsweredAndSeen() throws Exception {
    RawClient client = connect();
    client.send(
        "'id':'r','job':'size'," + TYPED,
        "trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.05; done");
    outputUntil(client, "ready\r\n");
    Answer answer = client.ask("'type':'resize','job':'size','rows':50,'cols':132");
    assertEquals("ok", answer.type());
    assertEquals("running", answer.text("state"));
    assertEquals("50 132\r\n", client.finish("r").out());
    assertEquals(
        "ended", client.ask("'type':'resize','job':'size','rows':1,'cols':1").text("state"));
  }

  @Test
  void watchersAreToldOfItsSize() throws Exception {
    RawClient client = connect();
    client.send("'id':'r','job':'shown'," + TYPED, "echo ready; read x; exit 3");
    Answer started = client.nextOfType("started");
    assertEquals("{\"rows\":33,\"cols\":99}", started.header().path("pty").toString());
    assertEquals(1_048_576, started.number("retain"));
    RawClient watcher = connect();
    watcher.send("'type':'attach','id':'w','job':'shown'", "");
    Answer shown = watcher.nextOfType("started");
    assertEquals("{\"rows\":33,\"cols\":99}", shown.header().path("pty").toString());
    assertEquals("ok", client.ask("'type':'resize','job':'shown','rows':50,'cols':132").type());
    Answer resized = watcher.nextOfType("resized");
    assertEquals(50, resized.number("rows"));
    assertEquals(132, resized.number("cols"));
    assertEquals(false, resized.header().path("final").asBoolean(true));
    assertEquals("w", resized.text("id"));
    RawClient late = connect();
    late.send("'type':'attach','id':'l','job':'shown'", "");
    assertEquals(
        "{\"rows\":50,\"cols\":132}", late.nextOfType("started").header().path("pty").toString());
    type(client, "shown", 0, "\n");
    assertEquals(3, watcher.finish("w").end().path("exit_code").asInt());
    assertEquals(3, client.finish("r").end().path("exit_code").asInt());
  }

  @Test
  void resizeInTheSamePacketHoldsFromTheStart() throws Exception {
    RawClient client = connect();
    client.send(
        RawClient.together(
            RawClient.frame("'id':'r','job':'early'," + TYPED, "read x; stty size"),
            RawClient.frame("'type':'resize','id':'z','job':'early','rows':7,'cols':8"),
            RawClient.frame("'type':'stdin','job':'early','offset':0", "\n")));
    assertEquals("ok", client.finalOf("z").type());
    assertTrue(client.finish("r").out().endsWith("7 8\r\n"));
  }

  @Test
  void aFloodIsNoFurtherAheadOfItsRunnerThanAKeyMayWait() throws Exception {
    RawClient client = connect();
    client.send("'id':'r','job':'flood','window':1048576," + TERMINAL, "exec yes");
    String status = "'type':'status','job':'flood'";
    for (long acked : new long[] {0, 65_536, 65_536 + 40_000, 171_072}) {
      ack(client, acked);
      Until.holds("full", () -> client.ask(status).number("output_bytes") == acked + 65_536);
      for (int i = 0; i < 20; i++) {
        assertEquals(acked + 65_536, client.ask(status).number("output_bytes"));
      }
      readUpTo(client, acked + 65_536);
    }
    assertEquals(1_048_576, client.ask(status).number("retain"));
  }

  @Test
  void anInterruptedFloodIsSoonOver() throws Exception {
    RawClient client = connect();
    client.send(
        "'id':'r','job':'stop','window':1048576," + TYPED,
        "trap 'echo caught; exit 7' INT; (trap - INT; exec yes)");
    long consumed = 0;
    while (consumed < 400_000) {
      consumed += client.output(1).length();
      ack(client, consumed);
    }
    type(client, "stop", 0, "\u0003");
    long end = client.finish("r").end().path("output_bytes").asLong();
    assertTrue(end - consumed < 65_536 + 32_768, end + " after " + consumed);
  }

  @Test
  void watchersOfATerminalHaveAllThatIsRetained() throws Exception {
    RawClient client = connect();
    client.send(
        "'id':'r','job':'kept','window':65536," + TYPED,
        "stty -opost -echo; head -c 600000 /dev/zero; read x");
    long consumed = 0;
    while (consumed < 600_000) {
      consumed += client.output(1).length();
      ack(client, consumed);
    }
    RawClient watcher = connect();
    watcher.send("'type':'attach','id':'w','job':'kept'");
    assertEquals(0, watcher.nextOfType("started").number("next"));
    type(client, "kept", 0, "\n");
    client.finish("r");
    Ran ran = watcher.finish("w");
    assertEquals(600_000, ran.stdout().length);
    assertEquals(0, ran.end().path("gap_bytes").asLong());
  }

  @Test
  void whoTakesAFloodedTerminalOverIsNotFurtherBehind() throws Exception {
    RawClient first = connect();
    first.send("'id':'r','job':'left','linger_ms':60000,'window':1048576," + TERMINAL, "exec yes");
    RawClient other = connect();
    String status = "'type':'status','job':'left'";
    Until.holds("full", () -> other.ask(status).number("output_bytes") == 65_536);
    first.close();
    // Nobody types: what is retained goes on being kept.
    Until.holds("all", () -> other.ask(status).number("output_bytes") == 1_048_576);
    other.send(
        "'type':'attach','id':'r','job':'left','from':1000000,'window':1048576,'runner':true");
    long limit = 1_048_576 + 65_536;
    Until.holds("full", () -> other.ask(status).number("output_bytes") == limit);
    for (int i = 0; i < 20; i++) {
      assertEquals(limit, other.ask(status).number("output_bytes"));
    }
    readUpTo(other, limit);
  }

  private static void ack(RawClient client, long offset) throws IOException {
    client.send("'type':'ack','follow':'r','offset':" + offset);
  }

  /** Reads output of "r" up to an offset. */
  private static void readUpTo(RawClient client, long offset) throws IOException {
    long end = -1;
    while (end < offset) {
      Answer output =
          client.nextThat(answer -> "r".equals(answer.id()) && answer.type().equals("output"));
      end = output.number("offset") + output.body().length;
    }
    assertEquals(offset, end);
  }

  @Test
  void onlyTerminalsHaveASize() throws Exception {
    RawClient client = connect();
    client.send("'id':'r','job':'plain'", "sleep 100");
    client.nextOf("r");
    Answer answer = client.ask("'type':'resize','job':'plain','rows':1,'cols':1");
    assertEquals("bad_request", answer.text("code"));
    assertEquals(
        "unknown_job", client.ask("'type':'resize','job':'none','rows':1,'cols':1").text("code"));
    assertEquals("ok", client.ask("'type':'cancel','job':'plain'").type());
  }

  @Test
  void cancelHangsUp() throws Exception {
    RawClient client = connect();
    client.send("'id':'r','job':'hang','argv':['bash','--norc','-i'],'env':{'PS1':'>'}," + TYPED);
    outputUntil(client, ">");
    assertEquals("ok", client.ask("'type':'cancel','job':'hang'").type());
    Ran ran = client.finish("r");
    assertEquals("canceled", ran.outcome());
    assertEquals("HUP", ran.end().path("signal").asText());
  }

  @Test
  void disconnectHangsUp() throws Exception {
    RawClient client = connect();
    client.send(
        "'id':'r','job':'gone','grace_ms':60000,'env':{'PS1':'>'},'argv':['bash','--norc','-i'],"
            + TYPED);
    outputUntil(client, ">");
    client.close();
    RawClient other = connect();
    Until.holds(
        "end", () -> other.ask("'type':'status','job':'gone'").text("outcome").equals("abandoned"));
    assertEquals("HUP", other.ask("'type':'status','job':'gone'").text("signal"));
  }
}
