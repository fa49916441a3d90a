package dev.runnel;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Names and values that are no UTF-8, here Latin-1, from a shell here to a process there. */
@SuppressWarnings("NullAway.Init") // The folder is there before any test.
@Tag("slow")
class RawBytesTest {
  /** The bytes E9 74 E9, as a terminal in Latin-1 shows them. */
  private static final String NAME = "\u00E9t\u00E9";

  @TempDir private Path folder;

  @BeforeEach
  void makeFolder() throws Exception {
    sh("mkdir " + folder + "/" + NAME);
  }

  @ParameterizedTest
  @ValueSource(strings = {"C.UTF-8", "C"})
  void getThereAsTheyAre(String locale) throws Exception {
    String host = "unix:" + folder.resolve("d.sock");
    try (Daemon daemon = Daemon.start("--listen", host)) {
      assertEquals("listening on " + host, daemon.line());
      String words =
          " -H " + host + " -n --cwd " + folder + "/" + NAME + " --env PASSED --env SET=s" + NAME;
      String line = "'pwd; echo $PASSED $SET $SECRET $0'";
      String before = "export LC_ALL=" + locale + " PASSED=p" + NAME + " SECRET=x" + NAME + "\n";
      assertEquals(
          folder + "/" + NAME + "\np" + NAME + " s" + NAME + " a" + NAME + "\n",
          sh(before + exec(words + " -- sh -c " + line + " a" + NAME)));
      assertEquals(
          folder + "/" + NAME + "\np" + NAME + " s" + NAME + " x" + NAME + " a" + NAME + "\n",
          sh(before + exec(words + " --secret-env SECRET -- sh -c " + line + " a" + NAME)));
      assertEquals(
          "runnel: cannot start pwd: cwd /\u00EF\u00BF\u00BD: No such file or directory (ENOENT)\n",
          sh("export LC_ALL=C.UTF-8\n" + exec(" -H " + host + " -n --cwd /\u00E9 -- pwd")));
    }
  }

  @Test
  void aServerOfOurOwnStandsWhereWeStand() throws Exception {
    String before = "export XDG_RUNTIME_DIR=" + folder + " OURS=" + NAME + "\n";
    assertEquals(
        folder + "/" + NAME + "\n" + NAME + "\n",
        sh(
            before
                + "cd "
                + folder
                + "/"
                + NAME
                + "\n"
                + exec(" -n -- sh -c '/bin/pwd -P; echo $OURS'")));
  }

  @Test
  void aDaemonsOwnAreInherited() throws Exception {
    Path script = folder.resolve("daemon");
    Files.writeString(
        script,
        "cd " + folder + "/" + NAME + " && export OURS=" + NAME + " && exec \"$@\"\n",
        ISO_8859_1);
    String host = "unix:" + folder.resolve("d.sock");
    try (Daemon daemon =
        Daemon.startWithin(
            List.of("sh", script.toString()), "--listen", host, "--watchdog", "off")) {
      assertEquals("listening on " + host, daemon.line());
      assertEquals(
          folder + "/" + NAME + "\n" + NAME + "\n",
          sh(exec(" -H " + host + " -n -- sh -c '/bin/pwd -P; echo $OURS'")));
    }
  }

  private static String exec(String words) {
    StringBuilder line = new StringBuilder();
    List<String> command = new ArrayList<>(ClientProcess.command("exec"));
    for (String word : command) {
      line.append('\'').append(word).append("' ");
    }
    return line + words;
  }

  /**
   * What a script prints on both streams; each of its characters is a byte, and so is each there.
   */
  private String sh(String text) throws Exception {
    Path script = Files.createTempFile(folder, "script", ".sh");
    Files.writeString(script, text + "\n", ISO_8859_1);
    ProcessBuilder builder = new ProcessBuilder("sh", script.toString()).redirectErrorStream(true);
    builder.environment().keySet().removeIf(name -> name.startsWith("RUNNEL_"));
    Process process = builder.start();
    process.getOutputStream().close();
    String out = new String(process.getInputStream().readAllBytes(), ISO_8859_1);
    var _ = process.waitFor();
    return out;
  }
}
