package dev.runnel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.Signal;
import dev.runnel.wire.Limits;
import java.time.Duration;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What people write on a command line: durations, sizes, hosts, signals, and words near to one. */
@NullMarked
class ValuesTest {
  private static final Option OPTION = Option.value("--x", "X", "");

  @ParameterizedTest
  @CsvSource({
    "1ms, 1",
    "0s, 0",
    "30s, 30000",
    "5m, 300000",
    "2h, 7200000",
    "8760h, 31536000000",
    "2d, 172800000",
    "365d, 31536000000",
    "1m30s, 90000",
    "1d2h3m4s5ms, 93784005",
    "1.5s, 1500",
    "0.25h, 900000"
  })
  void readsDurations(String text, long millis) throws Failure {
    Duration duration = Durations.parse(OPTION, text, Duration.ZERO);
    assertEquals(millis, duration.toMillis());
    assertEquals(duration, Durations.parse(OPTION, Durations.show(duration), Duration.ZERO));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "s",
        "30",
        "-1s",
        "1.5.2s",
        ".5s",
        "1.s",
        "1s1m",
        "1s1s",
        "1m30",
        "1w",
        "366d",
        "30S",
        " 30s",
        "30 s",
        "8761h",
        "1e3s",
        "٣s",
        "99999999999999999999999999s",
        "999999999999h"
      })
  void refusesOtherDurations(String text) {
    Failure failure =
        assertThrows(Failure.class, () -> Durations.parse(OPTION, text, Duration.ZERO));
    assertEquals("--x: " + text + " (", failure.line().substring(0, text.length() + 7));
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0",
    "65536, 65536",
    "64K, 65536",
    "64KiB, 65536",
    "1M, 1048576",
    "2G, 2147483648",
    "7B, 7",
    "64k, 65536",
    "2Gi, 2147483648",
    "2GB, 2000000000",
    "1T, 1099511627776",
    "1.5M, 1572864",
    "9007199254740991, 9007199254740991"
  })
  void readsSizes(String text, long bytes) throws Failure {
    assertEquals(bytes, Sizes.parse(OPTION, text, 0));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "K",
        "-1",
        "1.5.2M",
        "1.M",
        ".5M",
        "1P",
        "1kb",
        "9007199254740992",
        "8388608G",
        "99999999999999999999"
      })
  void refusesOtherSizes(String text) {
    Failure failure = assertThrows(Failure.class, () -> Sizes.parse(OPTION, text, 0));
    assertEquals("--x: " + text + " (", failure.line().substring(0, text.length() + 7));
  }

  @Test
  void readsTheLargestSize() throws Failure {
    assertEquals(8_388_607L << 30, Sizes.parse(OPTION, "8388607G", 0));
    assertEquals(Limits.MAX_INTEGER, Sizes.parse(OPTION, "" + Limits.MAX_INTEGER, 0));
  }

  @ParameterizedTest
  @CsvSource({
    "pod-1, pod-1:7866",
    "pod-1:80, pod-1:80",
    "10.0.0.1:65535, 10.0.0.1:65535",
    "[::1]:80, [::1]:80",
    "[fe80::1%eth0], [fe80::1%eth0]:7866",
    "unix:/run/x.sock, unix:/run/x.sock",
    "unix:x.sock, unix:x.sock"
  })
  void readsHosts(String text, String name) throws Failure {
    assertEquals(name, Host.parse("--host", text).name());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        ":80",
        "a:",
        "a:0",
        "a:65536",
        "a:-1",
        "a:x",
        "a:99999999999999999999",
        "::1",
        "[::1",
        "[]:80",
        "[::1]80",
        "[::1]:",
        "unix:",
        "http://a:80",
        "-x",
        "--",
        "=a",
        "a b"
      })
  void refusesOtherHosts(String text) {
    Failure failure = assertThrows(Failure.class, () -> Host.parse("--host", text));
    assertEquals("--host: ", failure.line().substring(0, 8));
    assertEquals(Failure.USAGE, failure.exitCode());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "http://h | --host: http://h (a host has no scheme: h)",
        "tcp://h:1/x | --host: tcp://h:1/x (a host has no scheme: h:1)",
        "/run/x.sock | --host: /run/x.sock (the path of a Unix socket begins with unix: unix:/run/x.sock)",
        "./x.sock | --host: ./x.sock (the path of a Unix socket begins with unix: unix:./x.sock)",
        "ann@h | --host: ann@h (a host only: the user goes into --user NAME)",
        "a:b:c | --host: a:b:c (an IPv6 address stands in brackets: [a:b:c]:7866)"
      })
  void saysWhatIsNoPartOfAHost(String text, String message) {
    assertEquals(message, assertThrows(Failure.class, () -> Host.parse("--host", text)).line());
  }

  @ParameterizedTest
  @ValueSource(strings = {"TERM", "SIGTERM", "15", "term", "sigterm"})
  void readsSignals(String text) throws Failure {
    assertEquals(Signal.TERM, JobVerbs.signal(text));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "SIG", "0", "32", "-1", "TERMINATE", "1 5"})
  void refusesOtherSignals(String text) {
    assertThrows(Failure.class, () -> JobVerbs.signal(text));
  }

  @ParameterizedTest
  @CsvSource({
    "exce, exec",
    "exe, exec",
    "EXEC, ",
    "sevre, serve",
    "job, jobs",
    "pign, ping",
    "kill, ",
    "x, ",
    "frobnicate, ",
    "list, ",
    "bogus, ",
    "stat, status",
    "cancle, cancel"
  })
  void findsTheNearestVerb(String word, String verb) {
    assertEquals(verb, DidYouMean.nearest(word, Verb.words()));
  }

  @Test
  void measuresHowFarWordsAreApart() {
    assertEquals(0, DidYouMean.distance("exec", "exec"));
    assertEquals(1, DidYouMean.distance("exce", "exec"));
    assertEquals(4, DidYouMean.distance("", "exec"));
    assertEquals(2, DidYouMean.distance("timeuot1", "timeout"));
    assertNull(DidYouMean.nearest("a", Verb.words()));
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0",
    "1023, 1023",
    "1024, 1K",
    "1536, 1.5K",
    "524288000, 500M",
    "9007199254740991, 8191T"
  })
  void showsSizesSoThatItReadsThem(long bytes, String text) throws Failure {
    assertEquals(text, Sizes.show(bytes));
    assertTrue(Sizes.parse(OPTION, text, 0) <= bytes);
  }

  @ParameterizedTest
  @CsvSource({"0, 0s", "195, 3m15s", "4800, 1h20m", "172800, 48h0m"})
  void showsAgesSoThatItReadsThem(long seconds, String text) throws Failure {
    assertEquals(text, JobsVerb.age(Duration.ofSeconds(seconds)));
    assertEquals(seconds, Durations.parse(OPTION, text, Duration.ZERO).toSeconds());
  }
}
