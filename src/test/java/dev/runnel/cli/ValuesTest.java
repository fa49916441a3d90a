package dev.runnel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

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
  @CsvSource({"1ms, 1", "0s, 0", "30s, 30000", "5m, 300000", "2h, 7200000", "8760h, 31536000000"})
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
        "1.5s",
        "1d",
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
        "1.5M",
        "1T",
        "1kb",
        "64k",
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
        "a b"
      })
  void refusesOtherHosts(String text) {
    Failure failure = assertThrows(Failure.class, () -> Host.parse("--host", text));
    assertEquals("--host: ", failure.line().substring(0, 8));
    assertEquals(Failure.USAGE, failure.exitCode());
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
    "cancle, cancel"
  })
  void findsTheNearestVerb(String word, String verb) {
    assertEquals(verb, Suggestion.nearest(word, Verb.words()));
  }

  @Test
  void measuresHowFarWordsAreApart() {
    assertEquals(0, Suggestion.distance("exec", "exec"));
    assertEquals(1, Suggestion.distance("exce", "exec"));
    assertEquals(4, Suggestion.distance("", "exec"));
    assertEquals(2, Suggestion.distance("timeuot1", "timeout"));
    assertNull(Suggestion.nearest("a", Verb.words()));
  }
}
