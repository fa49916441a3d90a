package dev.runnel.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Bytes as strings, and back. */
class SystemTextTest {
  @Test
  void textIsText() {
    for (String text : new String[] {"", "/src", "größe", "\uFFFD", "\uD83D\uDC80\uD83D\uDC80"}) {
      byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
      assertEquals(text, SystemText.of(bytes));
      assertTrue(SystemText.isText(text));
      assertArrayEquals(bytes, SystemText.bytes(text));
      assertEquals(text, SystemText.shown(text));
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
      assertArrayEquals(bytes, SystemText.bytes(SystemText.of(bytes)));
    }
  }

  @Test
  void whatIsNoTextIsShownAsSuch() {
    String raw = SystemText.of(new byte[] {'/', (byte) 0xE9, 'x', (byte) 0xC3});
    assertFalse(SystemText.isText(raw));
    assertEquals("/\uFFFDx\uFFFD", SystemText.shown(raw));
  }
}
