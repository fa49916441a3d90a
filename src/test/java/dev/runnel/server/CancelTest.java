package dev.runnel.server;

import static dev.runnel.server.RawClient.frame;
import static dev.runnel.server.RawClient.together;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.server.RawClient.Answer;
import dev.runnel.server.RawClient.Ran;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Jobs that are ended by a client, by a word or by its going. */
@Tag("also-root")
class CancelTest extends NodeTest {
  private static Answer status(RawClient client, String job) throws IOException {
    return client.ask("'type':'status','job':'" + job + "'");
  }

  /** Numbers that a job prints, one a line. */
  private static List<Long> numbers(RawClient client, int count) throws IOException {
    String text = "";
    while (text.lines().filter(line -> !line.isEmpty()).count() < count || !text.endsWith("\n")) {
      text += client.output(1);
    }
    return text.lines().map(Long::valueOf).toList();
  }

  @Test
  void cancelIsAnsweredAndThenTheJobEnds() throws Exception {
    RawClient client = connect();
    client.send("'id':'r','job':'can-1'", "echo output; exec sleep 100");
    assertEquals("output\n", client.output(7));

    Answer ok = client.ask("'type':'cancel','job':'can-1'");

    assertEquals("ok", ok.type());
    assertEquals("running", ok.text("state"));
    Ran ran = client.finish("r");
    assertEquals("canceled", ran.outcome());
    assertEquals("TERM", ran.end().path("signal").asText());
    assertEquals("canceled", status(client, "can-1").text("outcome"));

    Answer again = client.ask("'type':'cancel','job':'can-1'");
    assertEquals("ok", again.type());
    assertEquals("ended", again.text("state"));
  }

  @Test
  void anotherConnectionMayCancelAndManyMay() throws Exception {
    RawClient client = connect();
    client.send("'job':'can-2'", "exec sleep 100");
    client.nextOfType("started");
    RawClient other = connect();
    for (int i = 0; i < 5; i++) {
      other.send("'type':'cancel','job':'can-2','id':'" + i + "'");
    }
    for (int i = 0; i < 5; i++) {
      assertEquals("ok", other.finalOf("" + i).type());
    }
    assertEquals("canceled", client.finish().outcome());
  }

  @Test
  void canceledCommandMayEndInItsOwnWay() throws Exception {
    RawClient client = connect();
    client.send(
        "'id':'r','job':'can-3','grace_ms':60000",
        "trap 'echo last words; exit 11' TERM; echo ready; while :; do sleep 0.01; done");
    client.output("ready\n".length());
    client.ask("'type':'cancel','job':'can-3'");
    Ran ran = client.finish("r");
    assertEquals("canceled", ran.outcome());
    assertEquals(11, ran.end().path("exit_code").asInt());
    assertEquals("last words\n", ran.out());
  }

  @Test
  void commandThatIgnoresTermIsKilledAfterItsGrace() throws Exception {
    RawClient client = connect();
    client.send("'id':'r','job':'can-4','grace_ms':50", "trap '' TERM; echo ready; sleep 100");
    client.output("ready\n".length());
    client.ask("'type':'cancel','job':'can-4'");
    Ran ran = client.finish("r");
    assertEquals("canceled", ran.outcome());
    assertEquals("KILL", ran.end().path("signal").asText());
  }

  @Test
  void secondCancelKillsAtOnce() throws Exception {
    RawClient client = connect();
    client.send(
        "'id':'r','job':'can-8','grace_ms':300000",
        "trap '' TERM; setsid sleep 1013 & echo $!; wait");
    long pid = numbers(client, 1).getFirst();
    assertEquals("ok", client.ask("'type':'cancel','job':'can-8'").type());
    assertEquals("ok", client.ask("'type':'cancel','job':'can-8'").type());
    Ran ran = client.finish("r");
    assertEquals("canceled", ran.outcome());
    assertEquals("KILL", ran.end().path("signal").asText());
    assertFalse(Until.isAlive(pid), "pid: " + pid);
  }

  @Test
  void cancelWithoutGraceKillsAtOnceWhatATimeoutIsEnding() throws Exception {
    RawClient client = connect();
    client.send(
        "'id':'r','job':'can-9','timeout_ms':500,'grace_ms':300000",
        "trap 'echo termed' TERM; while :; do sleep 0.1; done");
    // Unless the shell was ended before it had set its trap.
    if (!client.nextThat(a -> a.type().equals("output") || a.isFinal()).isFinal()) {
      client.ask("'type':'cancel','job':'can-9','grace_ms':0");
      Answer end = client.finalOf("r");
      assertEquals("timed_out", end.text("outcome"));
      assertEquals("KILL", end.text("signal"));
    }
  }

  @ParameterizedTest
  @CsvSource({"300000, 50", "300000, 0", "50, 300000"})
  void graceOfACancelCutsTheJobsAndDoesNotLengthenIt(int ofJob, int ofCancel) throws Exception {
    RawClient client = connect();
    client.send(
        "'id':'r','job':'can-10-%d-%d','grace_ms':%d".formatted(ofJob, ofCancel, ofJob),
        "trap '' TERM; echo ready; while :; do sleep 0.1; done");
    client.output("ready\n".length());
    client.ask(
        "'type':'cancel','job':'can-10-%d-%d','grace_ms':%d".formatted(ofJob, ofCancel, ofCancel));
    assertEquals("KILL", client.finish("r").end().path("signal").asText());
  }

  @Test
  void cancelTakesTheWholeSessionDown() throws Exception {
    RawClient client = connect();
    client.send(
        "'id':'r','job':'can-5','grace_ms':50",
        "sleep 1011 & echo $!; (trap '' TERM; sleep 1012 & echo $!; wait) & echo $!; wait");
    List<Long> pids = numbers(client, 3);
    client.ask("'type':'cancel','job':'can-5'");
    assertEquals("canceled", client.finish("r").outcome());
    for (long pid : pids) {
      assertFalse(Until.isAlive(pid), "pid: " + pid);
    }
  }

  @Test
  void timeoutIsToldAlthoughACancelComesLater() throws Exception {
    RawClient client = connect();
    client.send(
        "'id':'r','job':'can-6','timeout_ms':200,'grace_ms':100000",
        "trap 'echo termed' TERM; sleep 100 & while :; do wait; done");
    // Unless the shell was ended before it had set its trap.
    Answer first = client.nextThat(a -> a.type().equals("output") || a.isFinal());
    if (!first.isFinal()) {
      client.ask("'type':'cancel','job':'can-6'");
      client.ask("'type':'signal','job':'can-6','signal':'KILL'");
      first = client.finalOf("r");
    }
    assertEquals("timed_out", first.text("outcome"));
  }

  @Test
  void cancelMaySetOutTogetherWithItsJob() throws Exception {
    RawClient client = connect();
    for (int i = 0; i < 20; i++) {
      String job = "can-7-" + i;
      client.send(
          together(
              frame("'id':'r','job':'" + job + "'", "exec sleep 100"),
              frame("'id':'c','type':'cancel','job':'" + job + "'")));
      assertEquals("ok", client.finalOf("c").type());
      Ran ran = client.finish("r");
      assertEquals("canceled", ran.outcome());
      Answer status = status(client, job);
      // It may have been made before it was canceled; then its wait status is told.
      assertEquals(status.header().has("pid"), ran.end().has("signal"), ran.end()::toString);
    }
  }

  @Test
  void disconnectEndsWhatIsInTheSession() throws Exception {
    RawClient client = connect();
    client.send(
        "'job':'gone-1','grace_ms':50",
        "echo $$; sleep 1013 & echo $!; (trap '' TERM HUP; sleep 1014 & echo $!; wait) & wait");
    List<Long> pids = numbers(client, 3);

    client.close();

    for (long pid : pids) {
      Until.gone(pid);
    }
    RawClient other = connect();
    Until.holds("end", () -> status(other, "gone-1").text("outcome").equals("abandoned"));
  }

  @Test
  void disconnectInMidOutputEndsTheWriter() throws Exception {
    RawClient client = connect();
    client.send("'job':'gone-2'", "exec yes");
    long pid = client.nextOfType("started").number("pid");
    client.nextThat(answer -> answer.number("offset") > 1_000_000);

    // What was not read makes this a reset.
    client.close();

    Until.gone(pid);
    RawClient other = connect();
    Until.holds("end", () -> status(other, "gone-2").text("outcome").equals("abandoned"));
    Until.holds("place", () -> node().registry().places() == 0);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void startWhoseClientIsGoneDoesNotHappen(boolean reset, @TempDir Path folder) throws Exception {
    // A server whose event loop gets no processor in time has all of them made before it is told.
    int unmade = 0;
    int attempts = reset ? 1 : 20;
    for (int i = 0; i < attempts && unmade == 0; i++) {
      Path cwd = Files.createDirectory(folder.toRealPath().resolve("" + i));
      String prefix = "gone-3-" + reset + "-" + i + "-";
      startAndGo(prefix, cwd, reset);
      unmade = unmade(prefix, cwd);
    }
    assertTrue(reset || unmade > 0, "all 100 were started, each time");
  }

  private void startAndGo(String prefix, Path cwd, boolean reset) throws Exception {
    RawClient client = connect();
    List<byte[]> frames = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      String keys = "'id':'" + i + "','job':'" + prefix + i + "','cwd':'" + cwd + "'";
      frames.add(frame(keys, ": >" + i + "; exec sleep 100"));
    }
    frames.add(new byte[] {0, 0, 0, 0});
    client.send(together(frames.toArray(byte[][]::new)));
    if (reset) {
      client.socket().setSoLinger(true, 0);
      client.close();
    } else {
      client.expectClose("bad_frame");
    }
  }

  /** How many of them have ended without a process, which then did nothing. */
  private int unmade(String prefix, Path cwd) throws Exception {
    RawClient other = connect();
    int unmade = 0;
    for (int i = 0; i < 100; i++) {
      String job = prefix + i;
      Until.holds(
          "end of " + job,
          () -> {
            String state = status(other, job).text("state");
            return state.isEmpty() || state.equals("ended");
          });
      Answer status = status(other, job);
      if (!status.header().has("pid")) {
        unmade++;
        assertFalse(Files.exists(cwd.resolve("" + i)), status::toString);
      }
    }
    return unmade;
  }
}
