package dev.runnel.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.server.Until;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code logs --tail}: the last lines of what a job printed, with a real node. */
@NullMarked
class TailTest extends NodeVerbs {
  private static void startAndEnd(String job, String line, String... options) {
    start(job, line, options);
    assertEquals(0, run(new Client(), "wait", job));
  }

  private static String tail(String job, String... options) {
    List<String> words = new ArrayList<>(List.of("logs"));
    words.addAll(List.of(options));
    words.add(job);
    Client client = new Client();
    assertEquals(0, run(client, words.toArray(String[]::new)), client.err());
    return client.out() + client.err();
  }

  @Test
  void printsTheLastLines() {
    startAndEnd("few", "seq 5");
    assertEquals("4\n5\n", tail("few", "--tail", "2"));
    assertEquals("5\n", tail("few", "-n", "1"));
    assertEquals("4\n5\n", tail("few", "-n2"));
    assertEquals("1\n2\n3\n4\n5\n", tail("few", "--tail", "5"));
    assertEquals("1\n2\n3\n4\n5\n", tail("few", "--tail=1000000"));
    assertEquals("", tail("few", "--tail", "0"));
  }

  @Test
  void aLineWithoutAnEndIsOne() {
    startAndEnd("open", "printf 'a\\nb\\nc'");
    assertEquals("c", tail("open", "--tail", "1"));
    assertEquals("b\nc", tail("open", "--tail", "2"));
    startAndEnd("empty", "true");
    assertEquals("", tail("empty", "--tail", "3"));
  }

  @Test
  void linesOfBothStreamsCountInTheOrderTheyCame() {
    startAndEnd("both", "echo a; sleep 0.1; echo b >&2; sleep 0.1; echo c; sleep 0.1; echo d >&2");
    Client client = new Client();
    assertEquals(0, run(client, "logs", "--tail", "3", "both"), client.err());
    assertEquals("c\n", client.out());
    assertEquals("b\nd\n", client.err());
  }

  /** Longer than what is looked through at first, and second. */
  @Test
  void findsLinesFarBack() {
    startAndEnd(
        "long",
        "echo first; for i in 1 2 3; do head -c 600000 /dev/zero | tr '\\0' x; echo; done",
        "--retain",
        "4M");
    assertEquals(600_001, tail("long", "--tail", "1").length());
    assertEquals(3 * 600_001, tail("long", "--tail", "3").length());
    assertEquals(3 * 600_001 + 6, tail("long", "--tail", "4").length());
    assertEquals(3 * 600_001 + 6, tail("long", "--tail", "5").length());
  }

  @Test
  void linesThatTheServerNoLongerHasAreNotPassedOver() {
    startAndEnd("gone", "seq 100000", "--retain", "64K");
    assertEquals("99999\n100000\n", tail("gone", "--tail", "2"));
    Client client = new Client();
    assertEquals(255, run(client, "logs", "--tail", "90000", "gone"));
    assertTrue(client.err().contains("the server no longer had them"), client.err());
    assertTrue(client.out().endsWith("\n99999\n100000\n"), "" + client.out().length());
  }

  @Test
  void goesOnFromThereWithFollow(@TempDir Path folder) throws Exception {
    Path go = folder.resolve("go");
    start("live", "seq 3; until [ -e " + go + " ]; do sleep 0.05; done; echo end");
    Until.holds("output", () -> tail("live").equals("1\n2\n3\n"));
    Client client = new Client();
    CompletableFuture<Integer> code =
        CompletableFuture.supplyAsync(() -> run(client, "logs", "-f", "--tail", "1", "live"));
    client.awaitOut("3\n");
    var _ = Files.createFile(go);
    assertEquals(0, code.get(30, TimeUnit.SECONDS), client.err());
    assertEquals("3\nend\n", client.out());
  }

  @ParameterizedTest
  @ValueSource(strings = {"-1", "x", "1000001", "1k", "99999999"})
  void whatIsNoNumberOfLinesIsRefused(String lines) {
    Client client = new Client();
    assertEquals(255, run(client, "logs", "--tail=" + lines, "any"));
    assertTrue(
        client.err().contains("--tail: " + lines + " (expected: a number of lines up to 1000000)"),
        client.err());
  }

  @Test
  void twoBeginningsAreRefused() {
    Client client = new Client();
    assertEquals(255, run(client, "logs", "--tail", "1", "--since-offset", "1", "any"));
    assertTrue(client.err().contains("expected: one of them"), client.err());
  }

  @Test
  void findsWhatALookAtTheWholeFinds() {
    Random random = new Random(11);
    for (int round = 0; round < 2_000; round++) {
      StringBuilder text = new StringBuilder();
      int length = random.nextInt(20);
      for (int i = 0; i < length; i++) {
        text.append(random.nextInt(3) == 0 ? '\n' : 'x');
      }
      int count = 1 + random.nextInt(5);
      LastLines last = new LastLines(count);
      byte[] bytes = text.toString().getBytes(UTF_8);
      for (int at = 0; at < length; ) {
        int part = 1 + random.nextInt(length - at);
        assertEquals(part, last.write(ByteBuffer.wrap(bytes, at, part)));
        at += part;
      }
      int at = length;
      int found = 0;
      while (at > 0 && found < count) {
        at = text.lastIndexOf("\n", at - 2) + 1;
        found++;
      }
      // Whether a line begins with what was taken is not known.
      assertEquals(at > 0, last.isEnough(), () -> count + " of " + text);
      assertEquals(length - at, last.length(), () -> count + " of " + text);
    }
  }
}
