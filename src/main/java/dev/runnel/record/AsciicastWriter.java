package dev.runnel.record;

import dev.runnel.model.SafeText;
import dev.runnel.model.TerminalSize;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** The lines of an asciicast, version 2: https://docs.asciinema.org/manual/asciicast/v2 */
final class AsciicastWriter {
  private static final int MICROS_DIGITS = 6;

  private AsciicastWriter() {}

  /** What an event is about. */
  enum Event {
    OUTPUT('o'),
    RESIZE('r'),
    /** A line of text for whoever looks on, at its place. */
    MARKER('m');

    private final char code;

    Event(char code) {
      this.code = code;
    }
  }

  /**
   * The first line.
   *
   * @param term of the terminal; null: there is none
   */
  static byte[] header(TerminalSize size, @Nullable String term, Instant at, String title) {
    StringBuilder line = new StringBuilder("{\"version\": 2, \"width\": ").append(size.cols());
    line.append(", \"height\": ").append(size.rows());
    line.append(", \"timestamp\": ").append(at.getEpochSecond());
    line.append(", \"title\": ");
    quote(line, title);
    if (term != null) {
      line.append(", \"env\": {\"TERM\": ");
      quote(line, term);
      line.append('}');
    }
    return bytes(line.append("}\n"));
  }

  /** One more line. */
  static byte[] event(Duration since, Event event, String data) {
    String micros = Long.toString(since.toNanosPart() / 1_000L);
    StringBuilder line = new StringBuilder(data.length() + 32);
    line.append('[').append(since.toSeconds()).append('.');
    line.repeat('0', MICROS_DIGITS - micros.length()).append(micros);
    line.append(", \"").append(event.code).append("\", ");
    quote(line, data);
    return bytes(line.append("]\n"));
  }

  // Characters that would steer a terminal are escaped: a recording may be looked at by anything.
  private static void quote(StringBuilder line, String text) {
    line.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"' || c == '\\') {
        line.append('\\').append(c);
      } else if (SafeText.isSteering(c)) {
        SafeText.escape(line, c);
      } else {
        line.append(c);
      }
    }
    line.append('"');
  }

  private static byte[] bytes(StringBuilder line) {
    return line.toString().getBytes(StandardCharsets.UTF_8);
  }
}
