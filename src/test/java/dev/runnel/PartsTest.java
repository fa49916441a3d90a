package dev.runnel;

import static java.util.stream.Collectors.joining;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The suite runs in two parts, an ordinary user's and root's: no test falls between them. */
class PartsTest {
  private static final List<String> NEEDING_ROOT = List.of("Tool.requireRoot(", "ControlGroup.of");

  // One test of a class may need root: the ordinary user leaves it out anyway.
  private static final Pattern OF_ONE_PART =
      Pattern.compile("also-root\"\\)|^@Tag\\(\"root\"\\)", Pattern.MULTILINE);

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<Path> tests() throws IOException {
    try (Stream<Path> files = Files.walk(Path.of("src/test/java"))) {
      return files.filter(file -> file.toString().endsWith("Test.java")).toList();
    }
  }

  @Test
  void whatRunsInEitherPartNeedsNeither() throws Exception {
    String both =
        tests().stream()
            .filter(file -> !file.endsWith("PartsTest.java"))
            .filter(file -> text(file).contains("@Tag(\"either\")"))
            .filter(file -> OF_ONE_PART.matcher(text(file)).find())
            .map(Path::toString)
            .collect(joining(", "));
    assertEquals("", both);
  }

  @Test
  void whatNeedsRootIsTaggedSo() throws Exception {
    assertFalse(tests().isEmpty());
    String untagged =
        tests().stream()
            .filter(file -> !file.endsWith("PartsTest.java"))
            .filter(file -> NEEDING_ROOT.stream().anyMatch(text(file)::contains))
            .filter(file -> !text(file).contains("@Tag(\"root\")"))
            .map(Path::toString)
            .collect(joining(", "));
    assertEquals("", untagged);
  }
}
