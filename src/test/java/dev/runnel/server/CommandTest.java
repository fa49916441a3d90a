package dev.runnel.server;

import static dev.runnel.server.RawClient.frame;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.runnel.server.RawClient.Ran;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a run may say about its command, and how it ends. PROTOCOL.md, section 3. */
@Tag("also-root")
class CommandTest extends NodeTest {
  private Ran run(String keys, String line) throws Exception {
    return run(frame(keys, line));
  }

  private Ran run(byte[] frame) throws Exception {
    RawClient client = connect();
    client.send(frame);
    return client.finish();
  }

  @Test
  void argumentsArePassedWithoutAShell() throws Exception {
    Ran ran = run("'argv':['printf','%s|','a b','','ü𝄞','$HOME','*']", "");
    assertEquals("a b||ü𝄞|$HOME|*|", ran.out());
  }

  @Test
  void argumentsInTheBodyMayBeAnyBytes() throws Exception {
    byte[] body = {'p', 'r', 'i', 'n', 't', 'f', 0, '%', 's', 0, (byte) 0xFF, '\n', (byte) 0xC0, 0};
    Ran ran = run(frame("'argv_body':true", body));
    assertArrayEquals(Arrays.copyOfRange(body, 10, 13), ran.stdout());
  }

  @Test
  void shellGetsItsLineAsSent() throws Exception {
    byte[] line = {'p', 'r', 'i', 'n', 't', 'f', ' ', '\'', (byte) 0xFF, (byte) 0xC0, '\''};
    assertArrayEquals(new byte[] {(byte) 0xFF, (byte) 0xC0}, run(frame("", line)).stdout());
  }

  @Test
  void runsWhereItIsTold(@TempDir Path folder) throws Exception {
    Path real = folder.toRealPath();
    assertEquals(real + "\n", run("'cwd':'" + real + "'", "pwd -P").out());
    assertEquals(Path.of("").toRealPath() + "\n", run("", "pwd -P").out());
  }

  @Test
  void environmentIsTheServersWithWhatTheRunLaysOverIt() throws Exception {
    Ran ran = run("'job':'env-1','env':{'A':'ü 1','HOME':null,'EMPTY':''}", "env");
    List<String> lines = ran.out().lines().toList();
    assertTrue(lines.contains("A=ü 1"));
    assertTrue(lines.contains("EMPTY="));
    assertTrue(lines.contains("PATH=" + System.getenv("PATH")));
    assertTrue(lines.stream().noneMatch(line -> line.startsWith("HOME=")));
    // The build sets RUNNEL_BUILD for the JVM of its tests.
    List<String> ours = lines.stream().filter(line -> line.startsWith("RUNNEL_")).sorted().toList();
    assertEquals(2, ours.size(), ours::toString);
    assertEquals("RUNNEL_JOB=env-1", ours.getFirst());
    assertTrue(ours.getLast().matches("RUNNEL_MARK=.+/env-1"), ours::toString);
  }

  @Test
  void runMaySetWhatTheServerWouldRemove() throws Exception {
    Ran ran = run("'env':{'RUNNEL_JOB':'mine','RUNNEL_X':'1'}", "echo $RUNNEL_JOB $RUNNEL_X");
    assertEquals("mine 1\n", ran.out());
  }

  @Test
  void commandHasThreeDescriptorsAndNothingToRead() throws Exception {
    Ran ran = run("", "cat; cd /proc/self/fd && echo *; readlink 0; umask");
    // The shell's own look takes the next free one.
    assertTrue(ran.out().matches("0 1 2( 3)?\n/dev/null\n0?022\n"), ran.out());
  }

  @Test
  void mergedStreamsKeepTheirOrder() throws Exception {
    Ran ran =
        run("'merge':true", "i=0; while [ $((i += 1)) -le 300 ]; do echo $i; echo $i >&2; done");
    String expected =
        IntStream.rangeClosed(1, 300)
            .mapToObj(i -> i + "\n" + i + "\n")
            .collect(Collectors.joining());
    assertEquals(expected, ran.out());
    assertEquals(0, ran.stderr().length);
  }

  @Test
  void bothStreamsAreFaithful() throws Exception {
    Ran ran = run("", "head -c 3000000 /dev/urandom | tee /dev/stderr");
    assertEquals(3_000_000, ran.stdout().length);
    assertArrayEquals(ran.stdout(), ran.stderr());
  }

  @ParameterizedTest
  @CsvSource({"exit 0,0", "exit 3,3", "exit 143,143", "exit 255,255", "nonesuch-command,127"})
  void exitCodeIsToldAsItIs(String line, int code) throws Exception {
    Ran ran = run("", line);
    assertEquals("exited", ran.outcome());
    assertEquals(code, ran.end().path("exit_code").asInt(-1));
    assertFalse(ran.end().has("signal"), ran.end()::toString);
  }

  @ParameterizedTest
  @ValueSource(strings = {"TERM", "KILL", "HUP", "SEGV"})
  void signalIsNoExitCode(String signal) throws Exception {
    Ran ran = run("", "kill -" + signal + " $$");
    assertEquals("signaled", ran.outcome());
    assertEquals(signal, ran.end().path("signal").asText());
    assertFalse(ran.end().has("exit_code"), ran.end()::toString);
  }

  @Test
  void realTimeSignalIsToldByItsNumber() throws Exception {
    assertEquals("\"40\"", run("", "kill -40 $$").end().path("signal").toString());
  }

  @Test
  void endTellsWhatWasMeasured() throws Exception {
    JsonNode end = run("", "echo x").end();
    assertTrue(end.path("started_at_ms").asLong() > 1_500_000_000_000L, end::toString);
    assertTrue(end.path("duration_ms").asLong(-1) >= 0, end::toString);
    assertTrue(end.path("cpu_ms").asLong(-1) >= 0, end::toString);
    assertTrue(end.path("drained").asBoolean(), end::toString);
    assertEquals("[]", end.path("leftovers").toString());
    assertEquals(0, end.path("leftovers_total").asInt(-1));
    assertEquals(0, end.path("gap_bytes").asInt(-1));
    for (String key : List.of("errno", "at", "message")) {
      assertFalse(end.has(key), end::toString);
    }
  }

  @Test
  void commandThatTakesTooLongIsTimedOutWithItsWaitStatus() throws Exception {
    Ran plain = run("'timeout_ms':50", "exec sleep 100");
    assertEquals("timed_out", plain.outcome());
    assertEquals("TERM", plain.end().path("signal").asText());

    // It may be over before the shell has set its trap.
    Ran trapped = run("'timeout_ms':500", "trap 'exit 9' TERM; sleep 100 & wait");
    assertEquals("timed_out", trapped.outcome());
    assertTrue(
        trapped.end().path("exit_code").asInt() == 9
            || trapped.end().path("signal").asText().equals("TERM"),
        trapped.end()::toString);
  }

  @Test
  void commandThatIsInTimeIsNotTimedOut() throws Exception {
    Ran ran = run("'timeout_ms':31536000000", "exit 2");
    assertEquals("exited", ran.outcome());
  }

  @Test
  void shellLineMayBeAsLongAsAnArgumentMayBe() throws Exception {
    Ran ran = run("", "echo long; #" + "x".repeat(131_071 - "echo long; #".length()));
    assertEquals("long\n", ran.out());
  }

  @ParameterizedTest
  @CsvSource({
    "'argv':['/nonesuch/program'], ENOENT, exec",
    "'argv':['nonesuch-command'], ENOENT, exec",
    "'argv':['/etc/passwd'], EACCES, exec",
    "'argv':['/'], EACCES, exec",
    "'argv':['true'] 'cwd':'/nonesuch', ENOENT, cwd",
    "'argv':['true'] 'cwd':'/etc/passwd', ENOTDIR, cwd",
  })
  void commandThatCannotStartIsToldWhy(String keys, String errno, String at) throws Exception {
    checkStartFailed(frame(keys.replace(' ', ',')), errno, at);
  }

  @Test
  void shellLineBeyondAnArgumentsLimitCannotStart() throws Exception {
    checkStartFailed(frame("", "#".repeat(131_072)), "E2BIG", "exec");
  }

  private void checkStartFailed(byte[] frame, String errno, String at) throws Exception {
    RawClient client = connect();
    client.send(frame);
    JsonNode end = client.next().header();
    assertEquals("end", end.path("type").asText(), end::toString);
    assertEquals("start_failed", end.path("outcome").asText(), end::toString);
    assertEquals(errno, end.path("errno").asText(), end::toString);
    assertEquals(at, end.path("at").asText(), end::toString);
    assertFalse(end.path("message").asText().isEmpty(), end::toString);
    for (String key : List.of("exit_code", "signal", "started_at_ms", "duration_ms", "cpu_ms")) {
      assertFalse(end.has(key), end::toString);
    }
    JsonNode status =
        client.ask("'type':'status','job':'" + end.path("job").asText() + "'").header();
    assertEquals("ended", status.path("state").asText(), status::toString);
    assertEquals("start_failed", status.path("outcome").asText(), status::toString);
    assertFalse(status.has("pid"), status::toString);
  }
}
