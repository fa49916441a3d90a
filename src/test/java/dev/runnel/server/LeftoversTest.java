package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.runnel.server.RawClient.Answer;
import dev.runnel.server.RawClient.Ran;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Processes that outlive their command, and output that does. PROTOCOL.md, "The end". */
@Tag("also-root")
class LeftoversTest extends NodeTest {
  @Test
  void backgroundProcessThatHoldsThePipeIsWaitedForThenEnded() throws Exception {
    RawClient client = connect();
    client.send("'id':'r','drain_ms':50", "sleep 1001 & echo $!; exit 3");

    Ran ran = client.finish("r");
    long pid = Long.parseLong(ran.out().strip());
    assertEquals("exited", ran.outcome());
    assertEquals(3, ran.end().path("exit_code").asInt());
    assertFalse(ran.end().path("drained").asBoolean(true));
    checkLeftover(ran.end(), pid, "sleep 1001");
    assertTrue(ran.end().path("leftovers").path(0).path("ended").asBoolean());
    assertFalse(Until.isAlive(pid));
  }

  @Test
  void backgroundProcessThatClosedItsOutputIsEndedToo() throws Exception {
    RawClient client = connect();
    client.send("", "sleep 1002 >/dev/null 2>&1 & echo $!");

    Ran ran = client.finish();
    long pid = Long.parseLong(ran.out().strip());
    assertTrue(ran.end().path("drained").asBoolean());
    checkLeftover(ran.end(), pid, "sleep 1002");
    assertTrue(ran.end().path("leftovers").path(0).path("ended").asBoolean());
    assertFalse(Until.isAlive(pid));
  }

  @Test
  void keptProcessLivesOnWithThePipe() throws Exception {
    RawClient client = connect();
    client.send("'leftovers':'keep','drain_ms':50", "sleep 1003 & echo $!");
    Ran ran = client.finish();
    long pid = Long.parseLong(ran.out().strip());
    try {
      assertFalse(ran.end().path("drained").asBoolean(true));
      checkKept(ran.end(), pid, "sleep 1003");
    } finally {
      kill(pid);
    }
  }

  @Test
  void keptProcessLivesOnWithoutThePipe() throws Exception {
    RawClient client = connect();
    client.send("'leftovers':'keep'", "sleep 1004 >/dev/null 2>&1 & echo $!");
    Ran ran = client.finish();
    long pid = Long.parseLong(ran.out().strip());
    try {
      assertTrue(ran.end().path("drained").asBoolean());
      checkKept(ran.end(), pid, "sleep 1004");
    } finally {
      kill(pid);
    }
  }

  @Test
  void keptProcessMayGoOnWriting() throws Exception {
    RawClient client = connect();
    client.send("'leftovers':'keep','drain_max_ms':50", "yes 1005 & echo $! >&2");
    Ran ran = client.finish();
    long pid = Long.parseLong(ran.err().strip());
    try {
      assertFalse(ran.end().path("drained").asBoolean(true));
      // It would stand still, or get a SIGPIPE, if nobody read what it writes.
      long cpu = cpuTicks(pid);
      Until.holds("more work of " + pid, () -> cpuTicks(pid) > cpu);
      checkKept(ran.end(), pid, "yes 1005");
    } finally {
      kill(pid);
    }
  }

  @Test
  void writingOnDoesNotPutOffTheEndForEver() throws Exception {
    RawClient client = connect();
    client.send(
        "'id':'r','drain_ms':10000,'drain_max_ms':200", "while :; do echo x; sleep 0.01; done & :");
    Ran ran = client.finish("r");
    assertEquals("exited", ran.outcome());
    assertFalse(ran.end().path("drained").asBoolean(true));
    assertTrue(ran.end().path("leftovers_total").asInt() > 0);
  }

  @Test
  void outputThatComesInTimeAfterTheExitIsWaitedFor() throws Exception {
    RawClient client = connect();
    client.send(
        "'drain_ms':20000,'drain_max_ms':20000", "(sleep 0.2; echo late) & echo early; exit 5");
    assertEquals("started", client.next().type());
    assertEquals("early\n", client.nextOfType("output").text());
    // "exited" may come before or after "early", and does come before "late".
    Ran ran = client.finish();
    assertEquals("late\n", ran.out());
    assertTrue(ran.end().path("drained").asBoolean());
    assertEquals(5, ran.end().path("exit_code").asInt());
    assertEquals(0, ran.end().path("leftovers_total").asInt(), ran.end()::toString);
  }

  @Test
  void statusSaysDrainingWhileOutputLasts() throws Exception {
    RawClient client = connect();
    client.send(
        "'id':'r','job':'drain-1','drain_ms':60000,'drain_max_ms':60000", "sleep 1006 & exit 6");
    Answer exited = client.nextThat(answer -> answer.type().equals("exited"));
    assertEquals(6, exited.number("exit_code"));
    assertEquals("draining", client.ask("'type':'status','job':'drain-1'").text("state"));

    Answer ok = client.ask("'type':'cancel','job':'drain-1'");

    assertEquals("draining", ok.text("state"));
    Ran ran = client.finish("r");
    assertEquals("canceled", ran.outcome());
    assertEquals(6, ran.end().path("exit_code").asInt());
    assertEquals(1, ran.end().path("leftovers_total").asInt());
  }

  @ParameterizedTest
  @ValueSource(strings = {"kill", "keep"})
  void slowRunnerDelaysTheEndAndCutsNothing(String leftovers) throws Exception {
    RawClient client = connect();
    String job = "'job':'slow-" + leftovers + "'";
    // All of it fits into the pipe, so that the process ends while the log is full.
    client.send(
        "'id':'r','window':1024,'retain':1024,'drain_ms':1,'stdin':true,"
            + job
            + ",'leftovers':'"
            + leftovers
            + "'",
        "head -c 50000 /dev/zero; read wait");
    client.nextThat(answer -> answer.number("offset") + answer.body().length == 1024);
    client.send("'type':'stdin','offset':0,'eof':true," + job);
    String status = "'type':'status'," + job;
    Until.holds("exit", () -> !client.ask(status).text("state").equals("running"));
    for (int i = 0; i < 100; i++) {
      assertEquals("draining", client.ask(status).text("state"));
    }

    client.send("'type':'ack','follow':'r','offset':1024");
    Answer answer = client.nextOf("r");
    for (; !answer.isFinal(); answer = client.nextOf("r")) {
      if (answer.type().equals("output")) {
        long end = answer.number("offset") + answer.body().length;
        client.send("'type':'ack','follow':'r','offset':" + end);
      }
    }
    assertEquals(50_000, answer.number("output_bytes"), answer::toString);
    assertTrue(answer.header().path("drained").asBoolean(), answer::toString);
  }

  private static void checkLeftover(JsonNode end, long pid, String command) {
    assertEquals(1, end.path("leftovers_total").asInt(), end::toString);
    JsonNode leftover = end.path("leftovers").path(0);
    assertEquals(pid, leftover.path("pid").asLong(), end::toString);
    // Before its exec it still has its parent's command line, which contains it.
    assertTrue(leftover.path("command").asText().contains(command), end::toString);
  }

  private static void checkKept(JsonNode end, long pid, String command) throws Exception {
    checkLeftover(end, pid, command);
    assertFalse(end.path("leftovers").path(0).path("ended").asBoolean(true), end::toString);
    assertTrue(Until.isAlive(pid));
  }

  private static long cpuTicks(long pid) throws Exception {
    String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
    String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
    return Long.parseLong(fields[11]) + Long.parseLong(fields[12]);
  }

  private static void kill(long pid) throws Exception {
    ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
    Until.gone(pid);
  }
}
