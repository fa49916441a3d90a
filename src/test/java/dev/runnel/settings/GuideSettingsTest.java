package dev.runnel.settings;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.runnel.Pages;
import dev.runnel.server.ListenAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The settings that the guide shows are read as they stand. */
class GuideSettingsTest {
  @Test
  void areRead() throws Exception {
    Path page = Path.of("docs", "guide", "servers-and-security.md");
    String text = Pages.block(page, "```yaml\n# runneld.yaml, for runnel serve --config\n");
    ConfigFile read = ConfigFile.parse(Path.of("runneld.yaml"), text);
    assertEquals(
        List.of(new ListenAddress.Tcp("0.0.0.0", 7866)), read.values().get(Setting.LISTEN));
    assertEquals(Map.of(Limit.MAX_PRINCIPAL_JOBS, 50L), read.limits());
  }
}
