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
        Map.of("host", "prod-1.example:7866", "ca", "ca.crt", "token_file", "ci.secret"),
        HostsFile.find(file, "prod-1"));
  }
}
