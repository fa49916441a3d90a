package dev.runnel.cli;

import dev.runnel.model.Argument;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The words the process was started with, as text and as the bytes they were. */
public final class CommandLine {
  private static final Path ORIGINAL = Path.of("/proc/self/cmdline");

  private final String[] words;

  /** Null: the words are what their text says. */
  private final @Nullable List<byte[]> bytes;

  private CommandLine(String[] words, @Nullable List<byte[]> bytes) {
    this.words = words;
    this.bytes = bytes;
  }

  public static CommandLine of(String... words) {
    return new CommandLine(words, null);
  }

  /** Main's arguments. The JVM has mangled what is no text in its locale: that is read anew. */
  static CommandLine ofProcess(String[] args) {
    if (isAscii(args)) {
      return of(args);
    }
    try {
      List<byte[]> all = split(Files.readAllBytes(ORIGINAL));
      if (all.size() > args.length) {
        return ofBytes(all.subList(all.size() - args.length, all.size()));
      }
    } catch (IOException _) {
      // Not a Linux: the text is all there is.
    }
    return of(args);
  }

  static CommandLine ofBytes(List<byte[]> bytes) {
    String[] words = new String[bytes.size()];
    for (int i = 0; i < words.length; i++) {
      words[i] = new String(bytes.get(i), StandardCharsets.UTF_8);
    }
    return new CommandLine(words, bytes);
  }

  private static boolean isAscii(String[] args) {
    for (String arg : args) {
      for (int i = 0; i < arg.length(); i++) {
        if (arg.charAt(i) >= 0x80) {
          return false;
        }
      }
    }
    return true;
  }

  private static List<byte[]> split(byte[] terminated) {
    List<byte[]> parts = new ArrayList<>();
    int start = 0;
    for (int i = 0; i < terminated.length; i++) {
      if (terminated[i] == 0) {
        parts.add(Arrays.copyOfRange(terminated, start, i));
        start = i + 1;
      }
    }
    return parts;
  }

  /** The same behind one more word. */
  CommandLine behind(String word) {
    List<byte[]> all = new ArrayList<>();
    all.add(word.getBytes(StandardCharsets.UTF_8));
    for (int i = 0; i < words.length; i++) {
      all.add(argument(i, 0).bytes());
    }
    return ofBytes(all);
  }

  /** The same with that word before all others. */
  CommandLine first(int index) {
    List<byte[]> all = new ArrayList<>();
    all.add(argument(index, 0).bytes());
    for (int i = 0; i < words.length; i++) {
      if (i != index) {
        all.add(argument(i, 0).bytes());
      }
    }
    return ofBytes(all);
  }

  int size() {
    return words.length;
  }

  /** The word as text; what is not UTF-8 shows as U+FFFD. */
  String word(int index) {
    return words[index];
  }

  /** The word's bytes from one on. */
  Argument argument(int index, int from) {
    byte[] whole = bytes == null ? words[index].getBytes(StandardCharsets.UTF_8) : bytes.get(index);
    return Argument.of(Arrays.copyOfRange(whole, from, whole.length));
  }

  /** Whether the word is text. */
  boolean isText(int index) {
    return bytes == null
        || Arrays.equals(words[index].getBytes(StandardCharsets.UTF_8), bytes.get(index));
  }
}
