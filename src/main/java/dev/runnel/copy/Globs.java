package dev.runnel.copy;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Paths with {@code *}, {@code ?} and {@code […]} in them, where no shell has expanded them. */
public final class Globs {
  private Globs() {}

  /** The paths that it means, in order; itself if it means none, or is one. */
  public static List<Path> expand(Path path) throws IOException {
    if (!isGlob(path.toString()) || Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      return List.of(path);
    }
    List<Path> found = new ArrayList<>();
    found.add(path.isAbsolute() ? path.getRoot() : Path.of(""));
    for (Path name : path) {
      List<Path> next = new ArrayList<>();
      for (Path folder : found) {
        if (!isGlob(name.toString())) {
          next.add(folder.resolve(name));
        } else if (Files.isDirectory(folder)) {
          addMatches(folder, name.toString(), next);
        }
      }
      found = next;
    }
    found.removeIf(each -> !Files.exists(each, LinkOption.NOFOLLOW_LINKS));
    Collections.sort(found);
    return found.isEmpty() ? List.of(path) : found;
  }

  private static boolean isGlob(String text) {
    return text.indexOf('*') >= 0 || text.indexOf('?') >= 0 || text.indexOf('[') >= 0;
  }

  // As in a shell: braces mean themselves, and a leading dot is matched by a dot alone.
  private static void addMatches(Path folder, String pattern, List<Path> into) throws IOException {
    String escaped = pattern.replace("{", "\\{").replace("}", "\\}");
    try (DirectoryStream<Path> matches = Files.newDirectoryStream(folder, escaped)) {
      for (Path match : matches) {
        if (!match.getFileName().toString().startsWith(".") || pattern.startsWith(".")) {
          into.add(match);
        }
      }
    }
  }
}
