package dev.runnel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What clients say in corners of a day's use, as processes of their own. */
@Tag("also-root")
@SuppressWarnings("NullAway.Init") // JUnit makes the folder.
@Tag("slow")
class SmallMessagesTest {
  @TempDir private Path folder;

  /** How a program ended, and what it printed. */
  private record Ended(int code, String out, String err) {}

  private Ended run(List<String> before, String... words) throws Exception {
    List<String> command = new ArrayList<>(before);
    command.addAll(ClientProcess.command(words));
    Path err = Files.createTempFile("stderr", "");
    Process process = new ProcessBuilder(command).redirectError(err.toFile()).start();
    process.getOutputStream().close();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Ended(process.waitFor(), out, Files.readString(err));
  }

  private Daemon daemon() throws IOException {
    Daemon daemon = Daemon.start("--listen", "unix:" + folder.resolve("d/s"));
    daemon.line();
    return daemon;
  }

  private void makeFolder() throws IOException {
    Files.createDirectory(
        folder.resolve("d"),
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
  }

  @Test
  void aJobWhoseNameCannotBePrintedIsNamedOnStderr() throws Exception {
    makeFolder();
    String host = "unix:" + folder.resolve("d/s");
    try (Daemon _ = daemon()) {
      for (String lost : List.of(">/dev/full", ">&-", "> >(exec true)")) {
        List<String> redirected = List.of("bash", "-c", "\"$@\" " + lost, "bash");
        Ended ended = run(redirected, "run", "-H", host, "--", "sleep", "1000");
        if (ended.code() == 0) {
          continue; // Its reader was there until it was printed.
        }
        assertEquals(255, ended.code(), ended.err());
        String line = ended.err();
        assertTrue(line.startsWith("runnel: "), line);
        assertTrue(line.contains(" runs, but its name could not be printed: "), line);
        String job = line.substring("runnel: ".length(), line.indexOf(" runs,"));
        Ended status = run(List.of(), "status", "-H", host, job);
        assertTrue(status.out().contains("running"), status.toString());
        assertEquals(0, run(List.of(), "cancel", "-H", host, job).code());
      }
    }
  }

  @Test
  void aSocketInAFolderThatMayNotBeEnteredIsNotCalledMissing() throws Exception {
    makeFolder();
    Path closed = folder.resolve("d");
    List<String> bound =
        Tool.isRoot()
            ? List.of("setpriv", "--bounding-set=-dac_override,-dac_read_search")
            : List.of();
    try (Daemon _ = daemon()) {
      Files.setPosixFilePermissions(closed, PosixFilePermissions.fromString("---------"));
      Ended ended = run(bound, "ping", "-H", "unix:" + closed.resolve("s"));
      assertEquals(255, ended.code(), ended.err());
      assertTrue(
          ended.err().contains(": the folder " + closed + " may not be entered ("), ended.err());
    } finally {
      Files.setPosixFilePermissions(closed, PosixFilePermissions.fromString("rwx------"));
    }
  }

  /** As docs/guide/running-commands.md says of loops. */
  @Test
  void aLoopOverLinesNeedsNoStdin() throws Exception {
    makeFolder();
    String host = "unix:" + folder.resolve("d/s");
    String loop = "seq 3 | while read -r n; do \"$@\" -c 'cat; echo done'; done";
    try (Daemon _ = daemon()) {
      List<String> shell = List.of("bash", "-c", loop, "bash");
      assertEquals("2\n3\ndone\n", run(shell, "exec", "-H", host).out());
      assertEquals("done\ndone\ndone\n", run(shell, "exec", "-n", "-H", host).out());
    }
  }
}
