package dev.runnel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.runnel.Pages;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The named host that the guide shows is read as it stands. */
@NullMarked
class GuideHostsTest {
  @Test
  void isRead(@TempDir Path folder) throws Exception {
    Path page = Path.of("docs", "guide", "running-commands.md");
    String text = "hosts:\n" + Pages.block(page, "```yaml\nhosts:\n");
    Path file = Files.writeString(folder.resolve("config.yaml"), text);
    assertEquals(
        Map.ofEntries(
            Map.entry("host", "prod-1.example:7866"),
            Map.entry("ca", "ca.crt"),
            Map.entry("token_file", "ci.secret"),
            Map.entry("user", "deploy"),
            Map.entry("cwd", "/srv/app"),
            Map.entry("linger", "10m"),
            Map.entry("env.STAGE", "prod")),
        HostsFile.find(file, "prod-1"));
  }
}
