package dev.runnel.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Bytes as strings, and back. */
class RawTextTest {
  @Test
  void textIsText() {
    for (String text : new String[] {"", "/src", "größe", "\uFFFD", "\uD83D\uDC80\uD83D\uDC80"}) {
      byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
      assertEquals(text, RawText.of(bytes));
      assertTrue(RawText.isText(text));
      assertArrayEquals(bytes, RawText.bytes(text));
      assertEquals(text, RawText.shown(text));
    }
  }

  @Test
  void noByteIsLost() {
    SplittableRandom random = new SplittableRandom(1);
    byte[] pieces = "a/é\uD83D\uDC80\uFFFD".getBytes(StandardCharsets.UTF_8);
    for (int round = 0; round < 100_000; round++) {
      byte[] bytes = new byte[random.nextInt(12)];
      for (int i = 0; i < bytes.length; i++) {
        boolean any = random.nextInt(3) == 0;
        bytes[i] = any ? (byte) random.nextInt() : pieces[random.nextInt(pieces.length)];
      }
      assertArrayEquals(bytes, RawText.bytes(RawText.of(bytes)));
    }
  }

  @Test
  void whatIsNoTextIsShownAsSuch() {
    String raw = RawText.of(new byte[] {'/', (byte) 0xE9, 'x', (byte) 0xC3});
    assertFalse(RawText.isText(raw));
    assertEquals("/\uFFFDx\uFFFD", RawText.shown(raw));
  }
}
