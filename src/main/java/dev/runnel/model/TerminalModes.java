package dev.runnel.model;

import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;

/** How a terminal's modes differ from those of a new one. Any thread. */
public record TerminalModes(Map<TerminalMode, Integer> values) {
  public static final TerminalModes USUAL = new TerminalModes(Map.of());

  public TerminalModes {
    EnumMap<TerminalMode, Integer> own = new EnumMap<>(TerminalMode.class);
    own.putAll(values);
    values = Collections.unmodifiableMap(own);
    own.forEach(TerminalModes::check);
  }

  private static void check(TerminalMode mode, int value) {
    if (value < 0 || value > mode.max()) {
      throw new IllegalArgumentException(
          mode.wireName() + ": " + value + " (expected: from 0 to " + mode.max() + ")");
    }
  }

  /** Of a terminal here. */
  public static TerminalModes of(byte[] termios) {
    EnumMap<TerminalMode, Integer> values = new EnumMap<>(TerminalMode.class);
    for (TerminalMode mode : TerminalMode.values()) {
      int value = mode.of(termios);
      if (value >= 0 && value != mode.usual()) {
        values.put(mode, value);
      }
    }
    return new TerminalModes(values);
  }

  /** Sets these, and leaves all others as they are. */
  public void applyTo(byte[] termios) {
    values.forEach((mode, value) -> mode.set(termios, value));
  }
}
