package dev.runnel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.tools.PolicyVerb;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the README shows, as a stranger would try it. */
@Tag("also-root")
class ReadmeTest {
  private static final int MAX_CLIENT_LINES = 15;

  @Test
  void pythonClientOfFifteenLinesRunsACommand(@TempDir Path folder) throws Exception {
    Tool.require("python3", "ReadmeTest.pythonClientOfFifteenLinesRunsACommand");
    String client = block("```python\n");
    assertTrue(client.lines().count() <= MAX_CLIENT_LINES, "lines: " + client.lines().count());
    Path file = Files.writeString(folder.resolve("run.py"), client);
    try (Daemon daemon = Daemon.start("--listen", "127.0.0.1:0", "--insecure")) {
      Process python = python(file, daemon.port(), "seq 3; echo oops >&2; exit 4");
      assertEquals("1\n2\n3\n", read(python.getInputStream().readAllBytes()));
      assertEquals("oops\n", read(python.getErrorStream().readAllBytes()));
      assertEquals(4, python.waitFor());
    }
  }

  @Test
  void pythonClientFailsWhenItsConnectionIsCut(@TempDir Path folder) throws Exception {
    Tool.require("python3", "ReadmeTest.pythonClientFailsWhenItsConnectionIsCut");
    Path file = Files.writeString(folder.resolve("run.py"), block("```python\n"));
    try (Daemon daemon = Daemon.start("--listen", "127.0.0.1:0", "--insecure")) {
      Process python = python(file, daemon.port(), "echo here; exec sleep 60");
      assertEquals("here", python.inputReader().readLine());
      var _ = daemon.process().destroyForcibly();
      assertTrue(python.waitFor() != 0, "a cut connection was taken for a success");
    }
  }

  @Test
  void policySaysWhatItIsShownToSay(@TempDir Path folder) throws Exception {
    Path policy =
        Files.writeString(
            folder.resolve("policy.yaml"), block("```yaml\n# policy.yaml, for runnel"));
    Files.writeString(policy, "# " + Files.readString(policy));
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    List<String> words =
        List.of("check", policy.toString(), "--as", "ci", "--env", "PATH", "--", "make", "test");
    assertEquals(1, PolicyVerb.run(words, new PrintStream(out), System.err));
    String shown = block("$ runnel policy check policy.yaml --as ci --env PATH -- make test\n");
    assertEquals(shown, read(out.toByteArray()));
  }

  private static Process python(Path file, int port, String line) throws Exception {
    return new ProcessBuilder("python3", file.toString(), "127.0.0.1", "" + port, line).start();
  }

  private static String block(String opening) throws Exception {
    String readme = Files.readString(Path.of("README.md"));
    int start = readme.indexOf(opening) + opening.length();
    return readme.substring(start, readme.indexOf("```", start));
  }

  private static String read(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
