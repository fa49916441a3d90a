package dev.runnel.fanout;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Makes whole lines of the bytes of one stream, each with its node's name in front. A line that is
 * longer than what may be kept is split: all but its last part end in {@link #MARK}. On the fleet's
 * event loop.
 */
final class LineSplitter {
  /** Behind a part of a line that goes on. */
  static final String MARK = "…";

  private static final byte[] SPLIT = (MARK + "\n").getBytes(StandardCharsets.UTF_8);

  private final byte[] prefix;
  private final int maxBytes;
  private byte[] kept = {};
  private int length;

  LineSplitter(String prefix, int maxBytes) {
    this.prefix = prefix.getBytes(StandardCharsets.UTF_8);
    this.maxBytes = maxBytes;
  }

  /** The lines that are whole now, with what was kept; may be empty. */
  byte[] take(byte[] bytes) {
    ByteArrayOutputStream lines = new ByteArrayOutputStream(bytes.length + 128);
    int from = 0;
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] == '\n') {
        begin(lines);
        lines.write(bytes, from, i + 1 - from);
        from = i + 1;
      } else if (length + i + 1 - from > maxBytes) {
        int cut = beforeCharacter(bytes, from, i);
        begin(lines);
        lines.write(bytes, from, cut - from);
        lines.writeBytes(SPLIT);
        from = cut;
      }
    }
    keep(bytes, from);
    return lines.toByteArray();
  }

  /** The last line if it has no end; empty: there is none. */
  byte[] end() {
    if (length == 0) {
      return new byte[0];
    }
    ByteArrayOutputStream line = new ByteArrayOutputStream(length + prefix.length + 1);
    begin(line);
    line.write('\n');
    return line.toByteArray();
  }

  // Not in the middle of a character of UTF-8, if it is that.
  private static int beforeCharacter(byte[] bytes, int from, int at) {
    int cut = at;
    while (cut > from && at - cut < 3 && (bytes[cut] & 0xC0) == 0x80) {
      cut--;
    }
    return (bytes[cut] & 0xC0) == 0x80 ? at : cut;
  }

  private void begin(ByteArrayOutputStream lines) {
    lines.writeBytes(prefix);
    lines.write(kept, 0, length);
    length = 0;
  }

  private void keep(byte[] bytes, int from) {
    int more = bytes.length - from;
    if (more > 0) {
      if (kept.length < length + more) {
        kept = Arrays.copyOf(kept, Math.min(maxBytes, Math.max(128, 2 * (length + more))));
      }
      System.arraycopy(bytes, from, kept, length, more);
      length += more;
    } else if (length == 0 && kept.length > 1_024) {
      kept = new byte[0];
    }
  }
}
