package dev.runnel.wire;

import static dev.runnel.wire.Requests.assertBad;
import static dev.runnel.wire.Requests.assertCloses;
import static dev.runnel.wire.Requests.assertRefused;
import static dev.runnel.wire.Requests.decode;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.runnel.model.ErrorCode;
import dev.runnel.model.JobId;
import dev.runnel.model.JobState;
import dev.runnel.model.Labels;
import dev.runnel.model.Request;
import dev.runnel.model.Role;
import dev.runnel.model.Signal;
import java.time.Duration;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** PROTOCOL.md, sections 2 and 3, all but {@code run}. */
class RequestDecoderTest {
  private static final JobId JOB = new JobId("j1");

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '`',
      value = {
        "hello,  `\"version\":1`",
        "run,    `\"argv\":[\"true\"]`",
        "signal, `\"job\":\"j1\",\"signal\":\"TERM\"`",
        "cancel, `\"job\":\"j1\"`",
        "status, `\"job\":\"j1\"`",
        "attach, `\"job\":\"j1\"`",
        "detach, `\"x-\":0`",
        "jobs,   `\"x-\":0`",
        "ping,   `\"x-\":0`",
      })
  void refusesInEveryRequestWhatItDoesNotHave(String type, String keys) throws Exception {
    String right = "\"type\":\"" + type + "\"," + keys;
    assertEquals(decode(right), decode(right + ",\"id\":\"7\",\"x-a\":{\"b\":[-0,1e9,null]}"));
    for (String unknown : new String[] {"Type", "ID", "offset", "final", "X-a", "x_a", "close"}) {
      assertBad(right + ",\"" + unknown + "\":1", "", "\"" + unknown + "\": unknown key");
    }
    assertBad(right, "!", "1 bytes");
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '`',
      value = {
        "stdin, `\"job\":\"j1\",\"offset\":0`",
        "ack,   `\"offset\":0`",
      })
  void endsTheConnectionForAMistakeInANotice(String type, String keys) throws Exception {
    String right = "\"type\":\"" + type + "\"," + keys;
    assertInstanceOf(Request.Notice.class, decode(right + ",\"x-a\":[]"));
    String withoutOffset = right.replace("\"offset\":0", "\"x-\":0");
    assertCloses(ErrorCode.BAD_NOTICE, right + ",\"id\":\"7\"", "", "id: not in a notice");
    assertCloses(ErrorCode.BAD_NOTICE, right + ",\"of\":1", "", "\"of\": unknown key");
    assertCloses(ErrorCode.BAD_NOTICE, withoutOffset, "", "offset: missing");
    for (String wrong : new String[] {"-1", "\"0\"", "null", "true", "[0]"}) {
      String keysWith = withoutOffset + ",\"offset\":" + wrong;
      assertCloses(ErrorCode.BAD_NOTICE, keysWith, "", "offset: " + wrong);
    }
    for (String wrong : new String[] {"1.5", "1e3", "-0", "9007199254740992"}) {
      String keysWith = withoutOffset + ",\"offset\":" + wrong;
      assertCloses(ErrorCode.BAD_FRAME, keysWith, "", "offset: " + wrong);
    }
  }

  @Test
  void readsStdin() throws Exception {
    byte[] body = RawFrames.body(131_072);
    Request request = decode("\"type\":\"stdin\",\"job\":\"j1\",\"offset\":9007199254740991", body);
    Request.Stdin stdin = assertInstanceOf(Request.Stdin.class, request);
    assertEquals(JOB, stdin.job());
    assertEquals(9007199254740991L, stdin.offset());
    assertArrayEquals(body, stdin.bytes());
    assertFalse(stdin.eof());
    String noJob = "\"type\":\"stdin\",\"offset\":0";
    assertCloses(ErrorCode.BAD_NOTICE, noJob, "x", "job: missing");
    assertCloses(ErrorCode.BAD_NOTICE, noJob + ",\"job\":\"-\"", "x", "job: \"-\"");
    assertCloses(ErrorCode.BAD_NOTICE, noJob + ",\"job\":\"j\",\"eof\":1", "x", "eof: 1");
  }

  @Test
  void readsAck() throws Exception {
    assertEquals(new Request.Ack(null, 7), decode("\"type\":\"ack\",\"offset\":7"));
    assertEquals(new Request.Ack("", 7), decode("\"type\":\"ack\",\"offset\":7,\"follow\":\"\""));
    String wrong = "\"type\":\"ack\",\"offset\":7";
    assertCloses(ErrorCode.BAD_NOTICE, wrong + ",\"follow\":1", "", "follow: 1");
    assertCloses(ErrorCode.BAD_NOTICE, wrong, "x", "1 bytes");
  }

  @Test
  void readsHello() throws Exception {
    assertEquals(new Request.Hello(1, null), decode("\"type\":\"hello\",\"version\":1"));
    assertEquals(
        new Request.Hello(1, "é"),
        decode("\"type\":\"hello\",\"version\":1,\"token\":\"\\u00e9\""));
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", "2", "-1", "9007199254740991"})
  void refusesOtherVersionsWhateverElseTheyAsk(String version) {
    String hello = "\"type\":\"hello\",\"version\":" + version;
    assertCloses(ErrorCode.UNSUPPORTED_VERSION, hello, "", "version: " + version);
    assertCloses(ErrorCode.UNSUPPORTED_VERSION, hello + ",\"zip\":1", "body", "expected: 1");
    assertCloses(ErrorCode.UNSUPPORTED_VERSION, hello + ",\"heartbeat_ms\":1000", "", "version");
  }

  @Test
  void refusesAHelloWithoutAUsableVersion() {
    String hello = "\"type\":\"hello\"";
    assertCloses(ErrorCode.UNSUPPORTED_VERSION, hello, "", "version: missing");
    assertCloses(ErrorCode.BAD_FRAME, hello + ",\"version\":1.0", "", "version: 1.0");
    assertBad(hello + ",\"version\":\"1\"", "", "version: \"1\"");
  }

  @Test
  void readsHowOftenItIsToBeHeard() throws Exception {
    String hello = "\"type\":\"hello\",\"version\":1,\"heartbeat_ms\":";
    assertEquals(new Request.Hello(1, null, Duration.ofSeconds(1)), decode(hello + "1000"));
    assertEquals(new Request.Hello(1, null, Duration.ofHours(1)), decode(hello + "3600000"));
    for (String wrong : new String[] {"999", "3600001", "-1", "null", "\"1000\""}) {
      assertBad(hello + wrong, "", "heartbeat_ms: " + wrong);
    }
    assertCloses(ErrorCode.BAD_FRAME, hello + "1000.0", "", "heartbeat_ms: 1000.0");
  }

  @Test
  void readsAttach() throws Exception {
    String attach = "\"type\":\"attach\",\"job\":\"j\"";
    JobId job = new JobId("j");
    OptionalLong none = OptionalLong.empty();
    assertEquals(
        new Request.Attach(job, null, OptionalLong.of(0), none, Role.WATCHER), decode(attach));
    assertEquals(
        new Request.Attach(job, null, none, none, Role.WATCHER),
        decode(attach + ",\"from\":\"end\""));
    assertEquals(
        new Request.Attach(job, "b", OptionalLong.of(7), OptionalLong.of(1_024), Role.RUNNER),
        decode(attach + ",\"from\":7,\"boot\":\"b\",\"window\":1024,\"runner\":true"));
    assertBad("\"type\":\"attach\"", "", "job: missing");
    assertBad(attach, "x", "body: 1 bytes");
    assertBad(attach + ",\"from\":\"start\"", "", "from: \"start\"");
    assertBad(attach + ",\"from\":-1", "", "from: -1");
    assertBad(attach + ",\"window\":1023", "", "window: 1023");
    assertBad(attach + ",\"runner\":1", "", "runner: 1");
    assertBad(attach + ",\"once\":\"a\"", "", "\"once\": unknown key");
  }

  @Test
  void readsDetach() throws Exception {
    assertEquals(new Request.Detach(null), decode("\"type\":\"detach\""));
    assertEquals(new Request.Detach("a"), decode("\"type\":\"detach\",\"follow\":\"a\""));
    assertEquals(
        new Request.Detach("a", Request.Detach.Linger.LIMITED),
        decode("\"type\":\"detach\",\"follow\":\"a\",\"linger\":true"));
    assertBad("\"type\":\"detach\",\"follow\":1", "", "follow: 1");
    assertBad("\"type\":\"detach\"", "x", "body: 1 bytes");
  }

  @ParameterizedTest
  @ValueSource(strings = {"271828", "[\"271828\"]", "{\"271828\":1}", "\"271828\\u0000\""})
  void neverShowsAToken(String token) {
    RequestException e =
        assertThrows(
            RequestException.class,
            () -> decode("\"type\":\"hello\",\"version\":1,\"token\":" + token));
    assertEquals(ErrorCode.BAD_REQUEST, e.code());
    assertFalse(e.getMessage().contains("271828"), e.getMessage());
    assertFalse(new Request.Hello(1, "271828").toString().contains("271828"));
  }

  @ParameterizedTest
  @EnumSource(Signal.class)
  void readsEverySignal(Signal signal) throws Exception {
    assertEquals(
        new Request.SendSignal(JOB, signal),
        decode("\"type\":\"signal\",\"job\":\"j1\",\"signal\":\"" + signal + "\""));
  }

  @ParameterizedTest
  @ValueSource(strings = {"\"SIGTERM\"", "\"term\"", "\"\"", "\"15\"", "15", "null", "\"RTMIN\""})
  void refusesWhatIsNoSignal(String signal) {
    assertBad("\"type\":\"signal\",\"job\":\"j1\",\"signal\":" + signal, "", "signal: " + signal);
  }

  @Test
  void refusesASignalThatMissesAKey() {
    assertBad("\"type\":\"signal\",\"job\":\"j1\"", "", "signal: missing");
    assertBad("\"type\":\"signal\",\"signal\":\"TERM\"", "", "job: missing");
  }

  @ParameterizedTest
  @ValueSource(strings = {"cancel", "status"})
  void wantsAJob(String type) throws Exception {
    String keys = "\"type\":\"" + type + "\"";
    String longest = "A" + "z9._-".repeat(12) + "zzz";
    assertEquals(64, longest.length());
    for (String good : new String[] {"a", "0", "Z.", "a_-b", longest}) {
      Request request = decode(keys + ",\"job\":\"" + good + "\"");
      JobId job =
          request instanceof Request.Cancel cancel
              ? cancel.job()
              : ((Request.Status) request).job();
      assertEquals(good, job.value());
    }
    assertBad(keys, "", "job: missing");
    for (String bad :
        new String[] {"", ".", "-a", "_a", "a/b", "a b", "ä", "a\\n", "a\\u0000", longest + "z"}) {
      assertBad(keys + ",\"job\":\"" + bad + "\"", "", "job: ");
    }
    assertBad(keys + ",\"job\":1", "", "job: 1");
  }

  @Test
  void readsJobs() throws Exception {
    String jobs = "\"type\":\"jobs\"";
    assertEquals(Request.Jobs.ALL, decode(jobs));
    assertEquals(
        new Request.Jobs("", null, Labels.NONE, 1), decode(jobs + ",\"prefix\":\"\",\"limit\":1"));
    for (JobState state : JobState.values()) {
      assertEquals(
          new Request.Jobs(null, state, Labels.NONE, 100_000),
          decode(jobs + ",\"limit\":100000,\"state\":\"" + state.wireName() + "\""));
    }
    assertBad(jobs + ",\"state\":\"RUNNING\"", "", "state: \"RUNNING\"");
    for (String limit : new String[] {"0", "-1", "100001", "4294967297", "\"1\"", "null"}) {
      assertBad(jobs + ",\"limit\":" + limit, "", "limit: " + limit);
    }
    assertCloses(ErrorCode.BAD_FRAME, jobs + ",\"limit\":1.0", "", "limit: 1.0");
    assertBad(jobs + ",\"prefix\":\"\\ud83d\"", "", "prefix: ");
  }

  @Test
  void refusesLabelsThatNobodyMayHave() throws Exception {
    for (String type : new String[] {"run", "jobs"}) {
      String request = "\"type\":\"" + type + "\",\"labels\":";
      String body = type.equals("run") ? "true" : "";
      assertBad(request + "[]", body, "labels: [] (expected: an object of strings)");
      assertBad(request + "{\"a\":1}", body, "labels: 1 (expected: an object of strings)");
      assertBad(request + "{\"a\":null}", body, "labels: null (expected: an object of strings)");
      assertBad(request + "{\"\":\"v\"}", body, "labels: name  (expected: [A-Za-z0-9]");
      assertBad(request + "{\"-a\":\"v\"}", body, "labels: name -a (expected: [A-Za-z0-9]");
      String name = "n".repeat(65);
      assertBad(request + "{\"" + name + "\":\"v\"}", body, "labels: name " + name);
      String value = "v".repeat(129);
      String isLong = "labels: a: 129 characters (limit: 128)";
      assertBad(request + "{\"a\":\"" + value + "\"}", body, isLong);
      assertBad(request + "{\"a\":\"x\\u001b[2J\"}", body, "no control characters");
      StringBuilder many = new StringBuilder("\"a\":\"v\"");
      for (int i = 0; i < 16; i++) {
        many.append(",\"a").append(i).append("\":\"v\"");
      }
      assertBad(request + "{" + many + "}", body, "labels: 17 of them (limit: 16)");
      StringBuilder long16 = new StringBuilder("\"a\":\"v\"");
      for (int i = 0; i < 15; i++) {
        long16.append(",\"").append(10 + i).append("\":\"").append("€".repeat(64)).append('"');
      }
      assertBad(request + "{" + long16 + "}", body, "labels: 2912 bytes (limit: 2048)");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "Run", "RUN", "run ", "output", "end", "hello\\t", "\\ud83d\\ude00"})
  void doesNotKnowOtherTypes(String type) {
    assertRefused(ErrorCode.UNKNOWN_TYPE, "\"type\":\"" + type + "\"", "", "type: ");
  }

  @ParameterizedTest
  @ValueSource(strings = {"1", "true", "null", "[\"run\"]", "{}", "\"run\\u0000\"", "\"\\udc00\""})
  void refusesATypeThatIsNoText(String type) {
    assertBad("\"type\":" + type, "ls", "type: ");
  }
}
