package dev.runnel.wire;

import static dev.runnel.wire.Requests.assertBad;
import static dev.runnel.wire.Requests.assertCloses;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.Argument;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.JobId;
import dev.runnel.model.JobSpec;
import dev.runnel.model.Request;
import dev.runnel.model.Retention;
import dev.runnel.model.SystemText;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** PROTOCOL.md, section 3, {@code run}: every key, right and wrong. */
class RunDecoderTest {
  private static final String[] NO_STRINGS = {"1", "1.5", "true", "null", "[]", "{}"};

  @Test
  void readsBytesThatAreNoText() throws Exception {
    Request.Run run =
        (Request.Run)
            Requests.decode(
                "\"argv_b64\":[\"eA==\",\"ww==\",\"\"],\"cwd_b64\":\"L+k=\","
                    + "\"env_b64\":[\"QT3p\",\"Qg==\"]",
                "");
    CommandSpec command = run.spec().command();
    assertArrayEquals(new byte[] {(byte) 0xC3}, command.argv().get(1).bytes());
    assertEquals(0, command.argv().get(2).length());
    assertArrayEquals(
        new byte[] {'/', (byte) 0xE9}, SystemText.bytes(Objects.requireNonNull(command.cwd())));
    assertArrayEquals(
        new byte[] {(byte) 0xE9}, SystemText.bytes(Objects.requireNonNull(command.env().get("A"))));
    assertTrue(command.env().containsKey("B") && command.env().get("B") == null);
    assertBad("\"argv_b64\":[\"eA==\"],\"argv\":[\"x\"]", "", "argv_b64: given beside argv");
    assertBad("\"argv_b64\":[\"eA==\"]", "ls", "argv: given beside a body");
    for (String wrong : new String[] {"[]", "\"eA==\"", "[1]", "[\"e\"]", "[\"AA==\"]", "null"}) {
      assertBad("\"argv_b64\":" + wrong, "", "argv_b64: ");
      assertBad("\"env_b64\":" + wrong, "ls", "env_b64: ");
    }
    assertBad("\"env_b64\":[\"PQ==\"]", "ls", "env_b64: entry 1 (expected: NAME=VALUE or NAME)");
    assertBad("\"env_b64\":[\"QT0=\",\"QQ==\"]", "ls", "env_b64: entry 2 names one again");
    assertBad("\"env\":{\"A\":null},\"env_b64\":[\"QT0=\"]", "ls", "env_b64: entry 1 names");
    assertBad("\"cwd_b64\":\"L+k=\",\"cwd\":\"/\"", "ls", "cwd_b64: given beside cwd");
    for (String wrong : new String[] {"1", "\"\"", "\"eA==\"", "\"LwA=\"", "\"L\""}) {
      assertBad("\"cwd_b64\":" + wrong, "ls", "cwd");
    }
  }

  @Test
  void fillsInTheDefaults() throws Exception {
    Request.Run run = run("", "ls");
    assertNull(run.job());
    assertNull(run.boot());
    assertEquals(JobSpec.of(CommandSpec.of("/bin/sh", "-c", "ls")), run.spec());
    assertNull(run.spec().timeout());
    assertEquals(Duration.ofSeconds(2), run.spec().grace());
    assertEquals(Duration.ofSeconds(1), run.spec().drain());
    assertEquals(Duration.ofSeconds(10), run.spec().drainMax());
    assertEquals(JobSpec.Leftovers.KILL, run.spec().leftovers());
    assertEquals(1_048_576, run.spec().retainBytes());
    assertEquals(OptionalLong.empty(), run.spec().window());
    assertEquals(run, run("\"type\":\"run\"", "ls"));
  }

  @Test
  void passesAShellLineOnAsItIs() throws Exception {
    byte[] line = RawFrames.body(131_072);
    for (int i = 0; i < line.length; i++) {
      line[i] = line[i] == 0 ? (byte) 0xFF : line[i];
    }
    Request.Run run = (Request.Run) Requests.decode("", line);
    assertEquals(CommandSpec.shellArgv(Argument.of(line)), run.spec().command().argv());
    assertBad("", "ls\0", "NUL");
    assertBad("", "\0", "NUL");
  }

  @Test
  void readsArguments() throws Exception {
    assertArgv(argvOf("\"argv\":[\"ls\"]", ""), "ls");
    assertArgv(argvOf("\"argv\":[\"\",\" \",\"-\",\"\\u00e9\\n\"]", ""), "", " ", "-", "é\n");
    assertArgv(argvOf("\"argv\":[\"ls\"],\"argv_body\":false", ""), "ls");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[]",
        "\"ls\"",
        "1",
        "true",
        "null",
        "{\"0\":\"ls\"}",
        "[1]",
        "[\"ls\",null]",
        "[[\"ls\"]]",
        "[\"a\\u0000b\"]",
        "[\"\\ud83d\"]",
        "[\"\\ude00\\ud83d\"]",
      })
  void refusesArgumentsThatAreNone(String argv) {
    assertBad("\"argv\":" + argv, "", "argv: ");
  }

  @Test
  void readsArgumentsFromTheBody() throws Exception {
    assertArgv(argvOf("\"argv_body\":true", "ls\0"), "ls");
    assertArgv(argvOf("\"argv_body\":true", "\0"), "");
    assertArgv(argvOf("\"argv_body\":true", "a\0\0b c\0\0"), "a", "", "b c", "");
    byte[] bytes = {(byte) 0xFF, 0, (byte) 0xC3, 0};
    Request.Run run = (Request.Run) Requests.decode("\"argv_body\":true", bytes);
    assertEquals(
        List.of(Argument.of(new byte[] {(byte) 0xFF}), Argument.of(new byte[] {(byte) 0xC3})),
        run.spec().command().argv());
    assertEquals(131_072, argvOf("\"argv_body\":true", "\0".repeat(131_072)).size());
  }

  @Test
  void wantsArgumentsOrABodyAndNotBoth() {
    assertBad("", "", "argv: missing");
    assertBad("\"argv_body\":false", "", "argv: missing");
    assertBad("\"argv_body\":true", "", "argv_body");
    assertBad("\"argv_body\":true", "ls", "argv_body");
    assertBad("\"argv_body\":true", "ls\0-l", "argv_body");
    assertBad("\"argv\":[\"ls\"]", "ls", "a body of 2 bytes");
    assertBad("\"argv\":[\"ls\"],\"argv_body\":true", "ls\0", "beside argv_body");
    assertBad("\"argv\":[\"ls\"],\"argv_body\":true", "", "beside argv_body");
  }

  @ParameterizedTest
  @ValueSource(strings = {"merge", "stdin", "argv_body"})
  void readsFlags(String key) throws Exception {
    run("\"" + key + "\":false", "ls");
    for (String wrong : new String[] {"1", "0", "\"true\"", "null", "[]", "{}", "1.5"}) {
      assertBad("\"" + key + "\":" + wrong, "ls", key + ": " + wrong);
    }
  }

  @Test
  void mergesAndFeedsWhenAsked() throws Exception {
    CommandSpec plain = run("", "ls").spec().command();
    assertEquals(CommandSpec.Stderr.SEPARATE, plain.stderr());
    assertEquals(CommandSpec.Stdin.NULL, plain.stdin());
    CommandSpec merged = run("\"merge\":true", "ls").spec().command();
    assertEquals(CommandSpec.Stderr.MERGED, merged.stderr());
    assertEquals(CommandSpec.Stdin.NULL, merged.stdin());
    CommandSpec fed = run("\"stdin\":true", "ls").spec().command();
    assertEquals(CommandSpec.Stderr.SEPARATE, fed.stderr());
    assertEquals(CommandSpec.Stdin.PIPE, fed.stdin());
  }

  @Test
  void wantsAnAbsoluteDirectory() throws Exception {
    assertEquals("/", run("\"cwd\":\"/\"", "ls").spec().command().cwd());
    assertEquals("/a b/é", run("\"cwd\":\"/a b/é\"", "ls").spec().command().cwd());
    for (String wrong : new String[] {"\"\"", "\".\"", "\"a/b\"", "\"~/x\"", "\" /\""}) {
      assertBad("\"cwd\":" + wrong, "ls", "cwd: " + wrong);
    }
    assertBad("\"cwd\":\"/a\\u0000\"", "ls", "cwd: ");
    assertBad("\"cwd\":\"/\\ud83d\"", "ls", "cwd: ");
    assertNoOtherThanStrings("cwd");
  }

  @Test
  void readsTheEnvironment() throws Exception {
    var env = run("\"env\":{\"A\":\"1=2\",\"B\":\"\",\"C\":null,\"ä b\":\"é\"}", "ls").spec();
    assertEquals("{A=1=2, B=, C=null, ä b=é}", env.command().env().toString());
    assertTrue(run("\"env\":{}", "ls").spec().command().env().isEmpty());
    for (String wrong : new String[] {"\"\":\"1\"", "\"A=B\":\"1\"", "\"=\":null"}) {
      assertBad("\"env\":{" + wrong + "}", "ls", "env: name");
    }
    for (String wrong : new String[] {"\"A\\u0000\":\"1\"", "\"\\ud83d\":\"1\""}) {
      assertBad("\"env\":{" + wrong + "}", "ls", "env: ");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"S3CRET\"",
        "[\"A=S3CRET\"]",
        "{\"A\":[\"S3CRET\"]}",
        "{\"A\":{\"S3CRET\":1}}",
        "{\"A\":\"S3CRET\\u0000\"}",
        "{\"A\":\"S3CRET\\ud83d\"}",
        "{\"A\":7355608}",
        "{\"A\":7355608.5}",
        "{\"A\":true}",
        "7355608",
        "null",
      })
  void neverShowsAValueOfTheEnvironment(String env) {
    RequestException e = assertThrows(RequestException.class, () -> run("\"env\":" + env, "ls"));
    assertEquals(ErrorCode.BAD_REQUEST, e.code());
    assertTrue(e.getMessage().startsWith("env: "), e.getMessage());
    assertFalse(e.getMessage().contains("S3CRET"), e.getMessage());
    assertFalse(e.getMessage().contains("7355608"), e.getMessage());
  }

  @Test
  void readsNames() throws Exception {
    assertEquals(new JobId("a.b_c-1"), run("\"job\":\"a.b_c-1\"", "ls").job());
    assertEquals("", run("\"boot\":\"\"", "ls").boot());
    assertEquals("b1", run("\"boot\":\"b1\"", "ls").boot());
    for (String wrong : new String[] {"\"\"", "\"-a\"", "\"a/b\"", "\"a b\"", "\"é\""}) {
      assertBad("\"job\":" + wrong, "ls", "job: " + wrong);
    }
    assertBad("\"job\":\"" + "a".repeat(65) + "\"", "ls", "job: ");
    assertBad("\"boot\":\"b\\u0000\"", "ls", "boot: ");
    assertNoOtherThanStrings("job");
    assertNoOtherThanStrings("boot");
  }

  @ParameterizedTest
  @CsvSource({"timeout_ms,1", "grace_ms,0", "drain_ms,0", "drain_max_ms,0"})
  void readsDurations(String key, long min) throws Exception {
    Function<JobSpec, Duration> duration =
        switch (key) {
          case "timeout_ms" -> spec -> spec.timeout() == null ? Duration.ZERO : spec.timeout();
          case "grace_ms" -> JobSpec::grace;
          case "drain_ms" -> JobSpec::drain;
          default -> JobSpec::drainMax;
        };
    for (long millis : new long[] {min, min + 1, 1_234, 0x80000000L, 31_536_000_000L}) {
      Request.Run run = run("\"" + key + "\":" + millis, "ls");
      assertEquals(Duration.ofMillis(millis), duration.apply(run.spec()));
    }
    for (long wrong : new long[] {min - 1, -1, 31_536_000_001L, 9007199254740991L}) {
      assertBad("\"" + key + "\":" + wrong, "ls", key + ": " + wrong);
    }
    assertNoOtherThanIntegers(key);
  }

  @Test
  void readsWindowAndRetain() throws Exception {
    assertEquals(OptionalLong.of(1_024), run("\"window\":1024", "ls").spec().window());
    assertEquals(OptionalLong.of(1_048_576), run("\"window\":1048576", "ls").spec().window());
    assertEquals(1_024, run("\"retain\":1024", "ls").spec().retainBytes());
    JobSpec most = run("\"retain\":9007199254740991,\"window\":9007199254740991", "ls").spec();
    assertEquals(9007199254740991L, most.retainBytes());
    assertEquals(OptionalLong.of(9007199254740991L), most.window());
    assertEquals(
        OptionalLong.of(2_048), run("\"window\":2048,\"retain\":2048", "ls").spec().window());
    assertBad("\"window\":1048577", "ls", "to retain, which is 1048576");
    assertBad("\"window\":2049,\"retain\":2048", "ls", "window: 2049");
    assertBad("\"window\":1023", "ls", "window: 1023");
    assertBad("\"window\":0", "ls", "window: 0");
    assertBad("\"window\":-1", "ls", "window: -1");
    assertBad("\"retain\":1023", "ls", "retain: 1023");
    assertBad("\"retain\":-1", "ls", "retain: -1");
    assertNoOtherThanIntegers("window");
    assertNoOtherThanIntegers("retain");
  }

  @Test
  void readsWhatBecomesOfLeftovers() throws Exception {
    assertEquals(JobSpec.Leftovers.KILL, run("\"leftovers\":\"kill\"", "ls").spec().leftovers());
    assertEquals(JobSpec.Leftovers.KEEP, run("\"leftovers\":\"keep\"", "ls").spec().leftovers());
    for (String wrong : new String[] {"\"\"", "\"Kill\"", "\"none\""}) {
      assertBad("\"leftovers\":" + wrong, "ls", "leftovers: " + wrong);
    }
    assertNoOtherThanStrings("leftovers");
  }

  @ParameterizedTest
  @ValueSource(strings = {"timeout", "Timeout_ms", "args", "command", "rows", "offset", "", "xx-a"})
  void namesAKeyThatItDoesNotKnow(String key) {
    assertBad("\"" + key + "\":1", "ls", "\"" + key + "\": unknown key");
  }

  @Test
  void ignoresTheClientsOwnKeysWhateverIsInThem() throws Exception {
    String own =
        "\"x-\":null,\"x-a\":[[[]],{\"a\":{}},1.5,-0,1e999,\"\\ud83d\\u0000\"],\"x-total_size\":-1";
    assertEquals(run("", "ls"), run(own, "ls"));
  }

  @Test
  void readsTheNameOfAnExecution() throws Exception {
    assertEquals("é", run("\"job\":\"j\",\"once\":\"é\"", "ls").once());
    assertEquals(null, run("\"job\":\"j\"", "ls").once());
    String longest = "x".repeat(128);
    assertEquals(longest, run("\"job\":\"j\",\"once\":\"" + longest + "\"", "ls").once());
    assertBad("\"job\":\"j\",\"once\":\"" + longest + "x\"", "ls", "once: 129 bytes");
    assertBad("\"job\":\"j\",\"once\":\"\"", "ls", "once: 0 bytes");
    assertBad("\"once\":\"a\"", "ls", "once: without job");
    assertNoOtherThanStrings("once");
  }

  @Test
  void readsHowAJobLasts() throws Exception {
    assertEquals(Retention.DEFAULT, lasting(""));
    assertEquals(Duration.ZERO, lasting("\"linger_ms\":0").linger());
    assertEquals(Duration.ofMinutes(1), lasting("\"linger_ms\":60000").linger());
    assertTrue(lasting("\"linger_ms\":\"forever\"").lingersForever());
    assertFalse(lasting("\"linger_ms\":31536000000").lingersForever());
    assertBad("\"linger_ms\":\"Forever\"", "ls", "linger_ms: \"Forever\"");
    assertBad("\"linger_ms\":-1", "ls", "linger_ms: -1");
    assertEquals(Duration.ZERO, lasting("\"keep_ms\":0").keep());
    assertEquals(Duration.ofDays(1), lasting("\"keep_ms\":86400000").keep());
    assertBad("\"keep_ms\":31536000001", "ls", "keep_ms: 31536000001");
    assertNoOtherThanIntegers("keep_ms");
  }

  @Test
  void readsWhatHappensWhenTheLogIsFull() throws Exception {
    assertEquals(Retention.OnFull.BLOCK, lasting("\"on_full\":\"block\"").onFull());
    assertEquals(Retention.OnFull.DROP, lasting("\"on_full\":\"drop\"").onFull());
    assertEquals(
        new Retention(Duration.ZERO, null, Retention.OnFull.SPOOL, OptionalLong.of(1)),
        lasting("\"on_full\":\"spool\",\"spool_bytes\":1"));
    assertBad("\"on_full\":\"Drop\"", "ls", "on_full: \"Drop\"");
    assertBad("\"on_full\":\"drop\",\"spool_bytes\":1", "ls", "spool_bytes: without");
    assertBad("\"on_full\":\"spool\",\"spool_bytes\":0", "ls", "spool_bytes: 0");
    assertNoOtherThanStrings("on_full");
  }

  private static Retention lasting(String keys) throws Exception {
    return run(keys, "ls").spec().lasting();
  }

  private static void assertNoOtherThanStrings(String key) {
    for (String wrong : NO_STRINGS) {
      assertBad("\"" + key + "\":" + wrong, "ls", key + ": " + wrong);
    }
  }

  private static void assertNoOtherThanIntegers(String key) {
    for (String wrong : new String[] {"\"5000\"", "true", "null", "[5000]", "{}"}) {
      assertBad("\"" + key + "\":" + wrong, "ls", key + ": " + wrong);
    }
    for (String wrong : new String[] {"5000.0", "5e3", "-0", "9007199254740992", "1e400"}) {
      assertCloses(ErrorCode.BAD_FRAME, "\"" + key + "\":" + wrong, "ls", key + ": " + wrong);
    }
  }

  private static void assertArgv(List<Argument> actual, String... expected) {
    assertEquals(Arrays.stream(expected).map(Argument::of).toList(), actual);
  }

  private static List<Argument> argvOf(String keys, String body) throws Exception {
    return run(keys, body).spec().command().argv();
  }

  private static Request.Run run(String keys, String body)
      throws ProtocolException, RequestException {
    return (Request.Run) Requests.decode(keys, body);
  }
}
