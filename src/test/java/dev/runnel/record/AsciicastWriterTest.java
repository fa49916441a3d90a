package dev.runnel.record;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.runnel.model.TerminalSize;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** The lines of a recording, and the characters in them. */
class AsciicastWriterTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @Test
  void headerSaysVersionSizeAndTime() throws Exception {
    byte[] line =
        AsciicastWriter.header(
            new TerminalSize(33, 99), "vt\"220", Instant.ofEpochSecond(1_504_467_315), "a");
    assertEquals(
        "{\"version\": 2, \"width\": 99, \"height\": 33, \"timestamp\": 1504467315, \"title\": \"a\","
            + " \"env\": {\"TERM\": \"vt\\\"220\"}}\n",
        new String(line, StandardCharsets.UTF_8));
  }

  @Test
  void eventIsOneLineWhateverIsInIt() throws Exception {
    StringBuilder all = new StringBuilder();
    for (int c = 0; c < 0x3000; c++) {
      all.appendCodePoint(c);
    }
    String text = all.append("😀\uFFFD").toString();
    byte[] line =
        AsciicastWriter.event(Duration.ofNanos(3_000_045_999L), AsciicastWriter.Event.OUTPUT, text);
    String shown = new String(line, StandardCharsets.UTF_8);
    assertTrue(shown.startsWith("[3.000045, \"o\", \""), shown);
    assertTrue(shown.chars().limit(shown.length() - 1).allMatch(c -> c >= ' '), shown);
    JsonNode event = JSON.readTree(line);
    assertEquals(text, event.get(2).asText());
  }

  @Test
  void charactersAreWholeHoweverTheirBytesCome() {
    String text = "aé€😀z";
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    for (int first = 0; first <= bytes.length; first++) {
      for (int second = first; second <= bytes.length; second++) {
        StreamText stream = new StreamText();
        String read =
            stream.take(piece(bytes, 0, first))
                + stream.take(piece(bytes, first, second))
                + stream.take(piece(bytes, second, bytes.length));
        assertEquals(text, read);
        assertEquals("", stream.cut());
      }
    }
  }

  private static ByteBuffer piece(byte[] bytes, int from, int to) {
    return ByteBuffer.wrap(Arrays.copyOfRange(bytes, from, to));
  }

  @Test
  void whatIsNoUtf8IsReplacedAndWhatIsCutToo() {
    StreamText stream = new StreamText();
    assertEquals("a\uFFFDb\uFFFD", stream.take(ByteBuffer.wrap(bytes("a\u00FFb\u0080\u00F0"))));
    assertEquals("\uFFFD", stream.cut());
    assertEquals("c", stream.take(ByteBuffer.wrap(bytes("c"))));
  }

  private static byte[] bytes(String latin) {
    return latin.getBytes(StandardCharsets.ISO_8859_1);
  }
}
