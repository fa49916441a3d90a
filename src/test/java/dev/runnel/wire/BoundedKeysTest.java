package dev.runnel.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** SECURITY.md says of every key of a request what bounds it. */
class BoundedKeysTest {
  private static final Path WIRE = Path.of("src/main/java/dev/runnel/wire");
  private static final Pattern ALLOWED =
      Pattern.compile("(?:checkKeys\\([^;]*?|KNOWN =\\s*)Set\\.of\\(([^)]*)\\)");
  private static final Pattern KEY = Pattern.compile("[\"`]([a-z0-9_]+)[\"`]");

  private static Set<String> keys(String text) {
    return KEY.matcher(text)
        .results()
        .map(found -> found.group(1))
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private static Set<String> taken() throws Exception {
    Set<String> keys = new TreeSet<>();
    for (String decoder : new String[] {"RequestDecoder", "FollowDecoder", "RunDecoder"}) {
      String source = Files.readString(WIRE.resolve(decoder + ".java"));
      ALLOWED.matcher(source).results().map(MatchResult::group).forEach(s -> keys.addAll(keys(s)));
    }
    return keys;
  }

  @Test
  void eachHasItsLine() throws Exception {
    String text = Files.readString(Path.of("SECURITY.md"));
    int begin = text.indexOf("## What bounds what is asked for");
    assertTrue(begin > 0);
    Set<String> told =
        text.substring(begin, text.indexOf("## The policy", begin))
            .lines()
            .filter(line -> line.startsWith("| `"))
            .map(line -> line.substring(1, line.indexOf('|', 1)))
            .flatMap(cell -> keys(cell).stream())
            .collect(Collectors.toCollection(TreeSet::new));
    assertEquals(taken(), told);
  }
}
