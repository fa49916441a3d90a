package dev.runnel.fanout;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

/** Bytes to whole lines, whatever the pieces in which they come. */
@NullMarked
class LineSplitterTest {
  private static String split(String text, int maxBytes, int pieceBytes) {
    LineSplitter splitter = new LineSplitter("n: ", maxBytes);
    byte[] bytes = text.getBytes(UTF_8);
    StringBuilder all = new StringBuilder();
    for (int at = 0; at < bytes.length; at += pieceBytes) {
      int end = Math.min(bytes.length, at + pieceBytes);
      String lines = new String(splitter.take(Arrays.copyOfRange(bytes, at, end)), UTF_8);
      assertTrue(lines.isEmpty() || lines.endsWith("\n"), lines);
      all.append(lines);
    }
    return all.append(new String(splitter.end(), UTF_8)).toString();
  }

  @Test
  void linesAreWholeWhateverThePieces() {
    String text = "one\n\ntwo and more\nlast";
    for (int piece = 1; piece <= text.length(); piece++) {
      assertEquals(
          "n: one\nn: \nn: two and more\nn: last\n", split(text, 100, piece), "piece=" + piece);
    }
    assertEquals("", split("", 100, 1));
    assertEquals("n: x\n", split("x\n", 100, 1));
  }

  @Test
  void aLineThatIsTooLongIsSplitWithAMark() {
    for (int piece = 1; piece <= 12; piece++) {
      assertEquals("n: abcd…\nn: efgh…\nn: ij\n", split("abcdefghij\n", 4, piece), "" + piece);
      assertEquals("n: abcd\nn: e\n", split("abcd\ne", 4, piece), "" + piece);
    }
  }

  @Test
  void noCharacterIsSplit() {
    for (String letter : List.of("é", "€", "😀")) {
      String text = letter.repeat(9);
      for (int max = 4; max < 12; max++) {
        for (int piece = 1; piece < 12; piece++) {
          String lines = split(text, max, piece);
          String joined = lines.replace("…\n", "").replace("n: ", "").replace("\n", "");
          assertEquals(text, joined, letter + " max=" + max + " piece=" + piece);
        }
      }
    }
  }
}
