package dev.runnel.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Text of others, for terminals, logs and JSON. */
class SafeTextTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "\n", "\u001b", "\u007f", "\u0085", "\u009b", "\u2028", "\u202e", "\u2066", "\u200f"
      })
  void whatSteersIsNotShown(String steering) {
    assertEquals("a b", SafeText.oneLine("a" + steering + "b"));
    String escaped = "\\u%04x".formatted((int) steering.charAt(0));
    assertEquals("\"a" + escaped + "b\"", SafeText.json("\"a" + steering + "b\""));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "plain", "größe 気 👩\u200d💻 עברית"})
  void whatIsWrittenStays(String text) {
    assertEquals(text, SafeText.oneLine(text));
    assertSame(text, SafeText.json(text));
  }
}
