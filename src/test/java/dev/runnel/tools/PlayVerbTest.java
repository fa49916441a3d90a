package dev.runnel.tools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.cli.Client;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What {@code runnel play} shows, when, and with which code it ends. */
@SuppressWarnings("NullAway.Init") // The folder is there before any test.
class PlayVerbTest {
  private static final String HEADER = "{\"version\": 2, \"width\": 80, \"height\": 24}\n";

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();
  @TempDir private Path folder;

  private int run(String... words) {
    return Client.run(PlayVerb.DEFINITION, out, err, with("play", words));
  }

  private static String[] with(String verb, String... words) {
    List<String> all = new ArrayList<>(List.of(words));
    all.addFirst(verb);
    return all.toArray(String[]::new);
  }

  private int play(String text, String... options) throws IOException {
    List<String> words = new ArrayList<>(List.of(options));
    words.add(Files.writeString(folder.resolve("a.cast"), text).toString());
    return run(words.toArray(String[]::new));
  }

  private String out() {
    return out.toString(StandardCharsets.UTF_8);
  }

  private String err() {
    return err.toString(StandardCharsets.UTF_8).replace(folder + "/", "");
  }

  @Test
  void showsOutputAndPassesOverWhatItDoesNotKnow() throws Exception {
    String events =
        """
        [0, "o", "gr\\u00fcn\\r\\n"]

        [0.001, "i", "typed"]
        [0.002, "r", "100x50"]
        [0.003, "x", "of the future"]
        [0.004, "m", "a chapter"]
        [0.0001, "o", "\\u001b[1mend\\n"]
        """;
    String header =
        "{\"version\":2,\"width\":80,\"height\":24,\"title\":null,\"env\":{\"SHELL\":null}}\n";
    assertEquals(0, play(header + events));
    assertEquals("grün\r\n\u001b[1mend\n", out());
    assertEquals("", err());
  }

  @Test
  void pausesAreAsLongAsTheyWereUnlessToldOtherwise() throws Exception {
    String events = "[0.3, \"o\", \"a\"]\n[30.3, \"o\", \"b\"]\n";
    long begun = System.nanoTime();
    assertEquals(0, play(HEADER + events, "--idle-limit", "100ms"));
    assertEquals(0, play(HEADER + events, "--speed", "100"));
    String limited = HEADER.replace("}", ", \"idle_time_limit\": 0.2}");
    assertEquals(0, play(limited + events));
    long millis = (System.nanoTime() - begun) / 1_000_000;
    assertEquals("ababab", out());
    // 200 ms, 303 ms and 400 ms; that none of the pauses was whole is the upper bound.
    assertTrue(millis >= 900 && millis < 30_000, "ms: " + millis);
  }

  @Test
  void whatIsMissingIsToldAtTheEnd() throws Exception {
    String events =
        """
        [0, "o", "a"]
        [0, "m", "gap: 7 bytes are missing"]
        [0, "o", "b"]
        [0, "m", "cut: max_recording_bytes: 9"]
        [0, "m", "end: exited, exit code 0"]
        """;
    assertEquals(0, play(HEADER + events));
    assertEquals("ab", out());
    assertEquals(
        """
        runnel play: a.cast:3: gap: 7 bytes are missing
        runnel play: a.cast:5: cut: max_recording_bytes: 9
        """,
        err());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '`',
      value = {
        "[1, \"o\"; not JSON",
        "[1, \"o\", \"a\"] x; not JSON",
        "[1, \"o\"]; not an event (expected: [SECONDS, \"CODE\", \"DATA\"])",
        "[\"1\", \"o\", \"a\"]; not an event (expected: [SECONDS, \"CODE\", \"DATA\"])",
        "{\"a\": 1}; not an event (expected: [SECONDS, \"CODE\", \"DATA\"])",
        "[-1, \"o\", \"a\"]; seconds: -1 (expected: from 0 to 315360000)",
        "[1e12, \"o\", \"a\"]; seconds: 1.0E12 (expected: from 0 to 315360000)",
      })
  void lineThatIsBrokenIsNamedAfterWhatCameBefore(String line, String why) throws Exception {
    assertEquals(1, play(HEADER + "[0, \"o\", \"a\"]\n" + line + "\n[0, \"o\", \"b\"]\n"));
    assertEquals("a", out());
    assertEquals("runnel play: a.cast:3: " + why + "\n", err());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '`',
      value = {
        "``; not an asciicast (expected: a header with version, width and height)",
        "[1]; not an asciicast (expected: a header with version, width and height)",
        "{\"version\":3,\"term\":{}}; version: 3 (expected: 2)",
        "{\"version\":2,\"width\":80}; height: missing (expected: a whole number)",
        "#!/bin/sh; not JSON",
      })
  void whatIsNoRecordingIsSaidToBeNone(String header, String why) throws Exception {
    assertEquals(1, play(header));
    assertEquals("runnel play: a.cast:1: " + why + "\n", err());
  }

  @Test
  void bytesThatAreNoTextAreNamedToo() throws Exception {
    Path file = Files.write(folder.resolve("b.cast"), new byte[] {'{', (byte) 0xFF, '}'});
    assertEquals(1, run(file.toString()));
    assertEquals("runnel play: b.cast:1: not UTF-8\n", err());
  }

  @Test
  void usageIsExplained() throws Exception {
    assertEquals(0, run("--help"));
    assertTrue(out().startsWith("Usage: runnel play FILE"));
    assertEquals(1, run(folder.resolve("none.cast").toString()));
    assertEquals("runnel play: none.cast: no such file or folder\n", err());
    err.reset();
    String[][] wrong = {
      {},
      {"a", "b"},
      {"a", "--speed"},
      {"a", "--speed", "0"},
      {"a", "--speed=fast"},
      {"a", "--idle-limit", "2"},
      {"a", "--colour"},
      {"--colour=1", "a"}
    };
    for (String[] words : wrong) {
      assertEquals(2, run(words), String.join(" ", words));
    }
    String see = " (see runnel play --help)\n";
    assertTrue(err().contains("runnel: --speed: 0 (expected: from 0.01 to 1000)" + see), err());
    assertTrue(err().contains("runnel: unknown option --colour" + see), err());
  }
}
