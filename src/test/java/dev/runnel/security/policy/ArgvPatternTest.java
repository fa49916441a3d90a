package dev.runnel.security.policy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.Argument;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Which commands fit a pattern, and that no trick of quoting makes another fit. */
class ArgvPatternTest {
  private static boolean fits(String pattern, String... argv) {
    return ArgvPattern.parse(List.of(pattern.split(" ", -1)))
        .matches(Stream.of(argv).map(Argument::of).toList());
  }

  @Test
  void everyElementIsForExactlyOneArgument() {
    assertTrue(fits("git fetch *", "git", "fetch", "origin"));
    assertTrue(fits("git fetch *", "git", "fetch", ""));
    assertFalse(fits("git fetch *", "git", "fetch"));
    assertFalse(fits("git fetch *", "git", "fetch", "origin", "--upload-pack=evil"));
    assertFalse(fits("git fetch", "git", "fetch "));
  }

  @Test
  void openTailTakesAnyNumber() {
    assertTrue(fits("make **", "make"));
    assertTrue(fits("make **", "make", "-j", "all"));
    assertFalse(fits("make **", "cmake"));
    assertTrue(fits("**", "anything", "at", "all"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "git fetch",
        "'git' fetch",
        "git;sh",
        "git\nfetch",
        "\"git\"",
        "git\\ fetch",
        "GIT"
      })
  void oneArgumentIsNeverTakenForSeveral(String first) {
    assertFalse(fits("git fetch **", first));
    assertFalse(fits("git fetch **", first, "fetch"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"a b", "a;b", "$(id)", "`id`", "a\nb", "'", "\"", "é", "*", "..", "-rf"})
  void starIsForOneArgumentWhateverIsInIt(String odd) {
    assertTrue(fits("echo *", "echo", odd));
    assertFalse(fits("echo", "echo", odd));
  }

  @ParameterizedTest
  @CsvSource({
    "--file=*, --file=x, true",
    "--file=*, --fileX, false",
    "*.txt, a.txt, true",
    "*.txt, a.txt.sh, false",
    "a*b*c, aXbYc, true",
    "a*b*c, aXcYb, false",
    "ab*ba, aba, false",
    "ab*ba, abba, true",
    "*a*, bab, true",
    "*ab*ab*, ab, false",
    "\\*, *, true",
    "\\*, x, false",
    "a\\\\b, a\\b, true",
  })
  void starIsForAnyText(String pattern, String text, boolean fits) {
    assertEquals(fits, Glob.parse(pattern).matches(text), pattern + " " + text);
  }

  @ParameterizedTest
  @ValueSource(strings = {"a**", "**a", "***", "\\", "\\a", "a\\"})
  void whatMeansNothingIsNoPattern(String pattern) {
    assertThrows(IllegalArgumentException.class, () -> Glob.parse(pattern));
  }

  @Test
  void openTailIsTheLastElementOrNone() {
    assertThrows(IllegalArgumentException.class, () -> ArgvPattern.parse(List.of("a", "**", "b")));
    assertThrows(IllegalArgumentException.class, () -> ArgvPattern.parse(List.of()));
  }

  @Test
  void bytesThatAreNoTextFitNothingButAStar() {
    List<Argument> argv = List.of(Argument.of(new byte[] {(byte) 0xC3}));
    assertTrue(ArgvPattern.parse(List.of("*")).matches(argv));
    assertFalse(ArgvPattern.parse(List.of("\uFFFD")).matches(argv));
  }

  @Test
  void longArgumentAgainstManyStarsIsDecidedInTime() {
    Glob glob = Glob.parse("*a".repeat(100) + "*b");
    Assertions.assertTimeout(
        Duration.ofSeconds(20), () -> assertFalse(glob.matches("a".repeat(131_072))));
  }
}
