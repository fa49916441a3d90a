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

  private static final int MAX_CHARACTER_BYTES = 4;

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
        from = split(lines, bytes, from, i);
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

  /** Ends the line before that byte; returns which bytes are next. */
  private int split(ByteArrayOutputStream lines, byte[] bytes, int from, int at) {
    int back = bytesOfCharacterBefore(bytes, from, at);
    int cut = at - back;
    if (cut >= from) {
      begin(lines);
      lines.write(bytes, from, cut - from);
      lines.writeBytes(SPLIT);
      return cut;
    }
    // The character began in what was kept.
    int tail = from - cut;
    lines.writeBytes(prefix);
    lines.write(kept, 0, length - tail);
    lines.writeBytes(SPLIT);
    System.arraycopy(kept, length - tail, kept, 0, tail);
    length = tail;
    return from;
  }

  // How far before that byte the character of UTF-8 begins that it is in, if it is that.
  private int bytesOfCharacterBefore(byte[] bytes, int from, int at) {
    int before = length + at - from;
    for (int back = 0; back <= MAX_CHARACTER_BYTES - 1 && back < before; back++) {
      int place = at - back;
      byte one = place >= from ? bytes[place] : kept[length - (from - place)];
      if ((one & 0xC0) != 0x80) {
        return back;
      }
    }
    return 0;
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
