package dev.runnel.model;

import org.jspecify.annotations.Nullable;

/** One of the two output streams of a command. PROTOCOL.md, "Answers". */
public enum Stream {
  STDOUT("stdout"),
  STDERR("stderr");

  private final String wireName;

  Stream(String wireName) {
    this.wireName = wireName;
  }

  /** The name frames carry. */
  public String wireName() {
    return wireName;
  }

  /** The stream of that name, or null. */
  public static @Nullable Stream ofWireName(String name) {
    return switch (name) {
      case "stdout" -> STDOUT;
      case "stderr" -> STDERR;
      default -> null;
    };
  }
}
