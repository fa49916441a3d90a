package dev.runnel.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.ErrorCode;
import dev.runnel.settings.Limit;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** PROTOCOL.md names every bound and every error there is, and nothing else. */
class ProtocolBoundsTest {
  private static final Pattern SETTING =
      Pattern.compile("(?m)^\\| `([a-z_]+)` \\| (half|a quarter|an eighth|none|[0-9,]+)[^|]*\\|");

  @Test
  void namesEverySettingAndItsDefault() throws Exception {
    String text = Files.readString(Path.of("PROTOCOL.md"));
    String bounds = text.substring(text.indexOf("| setting |"), text.indexOf("## 7."));
    Map<String, Long> told = new TreeMap<>();
    for (Matcher row = SETTING.matcher(bounds); row.find(); ) {
      String value = row.group(2).replace(",", "");
      told.put(row.group(1), value.matches("[0-9]+") ? Long.parseLong(value) : 0);
    }
    Map<String, Long> real = new TreeMap<>();
    for (Limit limit : Limit.values()) {
      real.put(limit.key(), limit.fallback());
    }
    assertEquals(real, told);
  }

  @Test
  void explainsEveryErrorWhereItBelongs() throws Exception {
    String text = Files.readString(Path.of("PROTOCOL.md"));
    int closing = text.indexOf("| ends the connection |");
    int ending = text.indexOf("| ends the request |");
    int end = text.indexOf("## 6.");
    for (ErrorCode code : ErrorCode.values()) {
      boolean closes = code.scope() == ErrorCode.Scope.CONNECTION;
      String table = closes ? text.substring(closing, ending) : text.substring(ending, end);
      assertTrue(table.contains("`" + code.wireName() + "`"), code.wireName());
    }
  }
}
