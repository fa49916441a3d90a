package dev.runnel.wire;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The vectors of PROTOCOL.md, section 7, read out of that file. */
public final class Vectors {
  private static final String FENCE = "```";

  /** Who sends a frame. */
  public enum Sender {
    CLIENT,
    SERVER
  }

  /**
   * One of them.
   *
   * @param text the header as text, where it is text
   * @param error the code that answers it; null: there is nothing wrong with it
   */
  @SuppressWarnings("ArrayRecordComponent") // Read, never compared.
  public record Vector(
      Sender sender, String name, @Nullable String text, @Nullable String error, byte[] bytes) {
    @Override
    public String toString() {
      return name;
    }
  }

  private Vectors() {}

  /** All of them, in their order. */
  public static List<Vector> all() {
    List<Vector> vectors = new ArrayList<>();
    for (List<String> paragraph : paragraphs()) {
      vectors.add(vector(paragraph));
    }
    return vectors;
  }

  private static List<List<String>> paragraphs() {
    List<List<String>> paragraphs = new ArrayList<>();
    List<String> current = new ArrayList<>();
    boolean inside = false;
    for (String line : lines()) {
      if (line.startsWith(FENCE)) {
        inside = line.equals(FENCE + "vectors");
      } else if (inside && !line.isEmpty()) {
        current.add(line);
        continue;
      }
      if (!current.isEmpty()) {
        paragraphs.add(current);
        current = new ArrayList<>();
      }
    }
    return paragraphs;
  }

  private static List<String> lines() {
    try {
      return Files.readAllLines(Path.of("PROTOCOL.md"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Vector vector(List<String> lines) {
    Map<String, String> fields = new LinkedHashMap<>();
    String key = "";
    for (String line : lines) {
      if (line.startsWith("  ")) {
        fields.merge(key, line.strip(), String::concat);
      } else {
        key = line.substring(0, line.indexOf(": "));
        if (fields.put(key, line.substring(key.length() + 2)) != null) {
          throw new IllegalStateException("twice in a vector: " + line);
        }
      }
    }
    Sender sender = fields.containsKey("client") ? Sender.CLIENT : Sender.SERVER;
    String name = fields.remove(sender == Sender.CLIENT ? "client" : "server");
    String hex = fields.remove("hex");
    if (name == null || hex == null) {
      throw new IllegalStateException("no vector: " + lines);
    }
    return new Vector(
        sender, name, fields.get("text"), fields.get("error"), HexFormat.of().parseHex(hex));
  }
}
