package dev.runnel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A stdout that takes nothing is told, whichever verb writes to it. */
@Tag("slow")
class FullStdoutTest {
  @TempDir Path folder = Path.of("");

  /** How a verb ended, and what was on its stderr. */
  private record Ended(int code, String err) {}

  private static Ended run(String script, List<String> words) throws Exception {
    List<String> command = new ArrayList<>(List.of("bash", "-c", script, "bash"));
    command.addAll(ClientProcess.command(words.toArray(String[]::new)));
    Process process = new ProcessBuilder(command).start();
    String err = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Ended(process.waitFor(), err);
  }

  private List<List<String>> verbs() throws IOException {
    Path policy = folder.resolve("policy.yaml");
    Files.writeString(policy, "rules:\n  - name: all\n    principals: [ci]\n    shell: true\n");
    Path cast = folder.resolve("x.cast");
    Files.writeString(cast, "{\"version\":2,\"width\":80,\"height\":24}\n[0.0,\"o\",\"hi\"]\n");
    return List.of(
        List.of("serve", "--help"),
        List.of("play", cast.toString()),
        List.of("play", "--help"),
        List.of("policy", "check", policy.toString(), "--as", "ci", "-c", "ls"),
        List.of("policy", "--help"),
        List.of("token", "new", "ci"),
        List.of("token", "--help"),
        List.of("shell", "--help"),
        List.of("help"));
  }

  @Test
  void isNoSuccess() throws Exception {
    for (List<String> words : verbs()) {
      for (String redirection : List.of(">/dev/full", ">&-")) {
        Ended ended = run("\"$@\" " + redirection, words);
        assertEquals(255, ended.code(), words + redirection + ended.err());
        String line = ended.err();
        assertTrue(line.startsWith("runnel: cannot write to stdout: "), words + line);
        assertEquals(1, line.lines().count(), words + line);
      }
    }
  }

  /** As of other programs whose reader left. */
  @Test
  void withoutAReaderEndsInSilence() throws Exception {
    for (List<String> words : verbs()) {
      Ended ended = run("exec 3> >(exec true); wait $!; \"$@\" >&3", words);
      assertEquals(new Ended(141, ""), ended, words.toString());
    }
  }
}
