package dev.runnel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** SECURITY.md names a test for every attack that it lists, and there is that test. */
class AttacksTest {
  private static final Pattern NAMED = Pattern.compile("`(\\w+Test)#(\\w+)` \\|$");

  @Test
  void eachIsTriedByATestThatThereIs() throws Exception {
    String text = Files.readString(Path.of("SECURITY.md"));
    int begin = text.indexOf("## Attacks");
    List<String> rows =
        text.substring(begin, text.indexOf("\n## ", begin + 1))
            .lines()
            .filter(line -> line.startsWith("| ") && !line.startsWith("| attack"))
            .toList();
    assertTrue(rows.size() > 20, rows::toString);
    List<String> missing = new ArrayList<>();
    for (String row : rows) {
      var named = NAMED.matcher(row);
      if (!named.find() || !isThere(named.group(1), named.group(2))) {
        missing.add(row);
      }
    }
    assertEquals(List.of(), missing);
  }

  private static boolean isThere(String type, String method) throws IOException {
    try (Stream<Path> all = Files.walk(Path.of("src/test/java"))) {
      for (Path file : all.filter(path -> path.endsWith(type + ".java")).toList()) {
        if (Files.readString(file).contains("  void " + method + "(")) {
          return true;
        }
      }
    }
    return false;
  }
}
