package dev.runnel.cli;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is typed for the job, and what is typed for us. */
class EscapeKeysTest {
  private int left;
  private int helped;

  private final EscapeKeys.Actions actions =
      new EscapeKeys.Actions() {
        @Override
        public void leave() {
          left++;
        }

        @Override
        public void help() {
          helped++;
        }
      };

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "ls;      | ls;        | 0 | 0",
        "~.       | ''         | 1 | 0",
        "~?       | ''         | 0 | 1",
        "~~       | ~          | 0 | 0",
        "~~.      | ~.         | 0 | 0",
        "~x       | ~x         | 0 | 0",
        "~        | ~          | 0 | 0",
        "x~.      | x~.        | 0 | 0",
        "x;~.y    | x;y        | 1 | 0",
        "x^~.     | x^         | 1 | 0",
        "~;~.     | ~;         | 1 | 0",
        "~?~.     | ''         | 1 | 1",
        "cd ~;~~; | cd ~;~;    | 0 | 0",
      })
  void areToldApartHoweverTheyCome(String typed, String passed, int leaves, int helps)
      throws Exception {
    byte[] keys = typed.strip().replace(';', '\r').replace('^', '\n').getBytes(US_ASCII);
    for (int most = 1; most <= keys.length; most++) {
      for (int room = 1; room <= 3; room++) {
        left = 0;
        helped = 0;
        EscapeKeys escape = new EscapeKeys(inParts(keys, most), '~', actions);
        String got = all(escape, room).replace('\r', ';').replace('\n', '^');
        assertEquals(passed.strip(), got, typed);
        assertEquals(leaves, left, typed);
        assertEquals(helps, helped, typed);
      }
    }
  }

  @Test
  void anotherCharacterIsAnEscapeToo() throws Exception {
    byte[] keys = "%.~.".getBytes(US_ASCII);
    assertEquals("~.", all(new EscapeKeys(inParts(keys, 9), '%', actions), 9));
    assertEquals(1, left);
  }

  private static String all(EscapeKeys keys, int room) throws IOException {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    ByteBuffer into = ByteBuffer.allocate(room);
    while (keys.read(into.clear()) >= 0) {
      all.write(into.array(), 0, into.position());
    }
    return all.toString(US_ASCII);
  }

  private static ReadableByteChannel inParts(byte[] keys, int most) {
    ReadableByteChannel all = Channels.newChannel(new ByteArrayInputStream(keys));
    return new ReadableByteChannel() {
      @Override
      public int read(ByteBuffer into) throws IOException {
        ByteBuffer part = ByteBuffer.allocate(Math.min(most, into.remaining()));
        int count = all.read(part);
        into.put(part.flip());
        return count;
      }

      @Override
      public boolean isOpen() {
        return true;
      }

      @Override
      public void close() {}
    };
  }
}
