package dev.runnel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Clients some of whose stdin, stdout and stderr are closed, as a script's {@code 2>&-} has it. */
@SuppressWarnings("NullAway.Init") // Made before any test.
@Tag("slow")
class ClosedDescriptorsTest {
  @TempDir static Path folder;
  private static Daemon daemon;
  private static String host;

  /** How it ended, and what was on the descriptors that were open. */
  private record Ended(int code, String out, String err) {}

  @BeforeAll
  static void serve() throws IOException {
    daemon = Daemon.start("--listen", "127.0.0.1:0", "--insecure");
    host = "127.0.0.1:" + daemon.port();
  }

  @AfterAll
  static void stop() throws IOException {
    daemon.close();
  }

  private static Ended run(String shell, String redirections, String... words) throws Exception {
    Launcher launcher = Launcher.ofCheckout(Path.of("").toAbsolutePath());
    ProcessBuilder call = launcher.call(words);
    List<String> command =
        new ArrayList<>(List.of(shell, "-c", "exec \"$@\" " + redirections, "sh"));
    command.addAll(call.command());
    Path err = Files.createTempFile(folder, "stderr", "");
    Process process = call.command(command).redirectError(err.toFile()).start();
    process.getOutputStream().close();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertTrue(process.waitFor(60, TimeUnit.SECONDS), "still runs");
    return new Ended(process.exitValue(), out, Files.readString(err));
  }

  private static Ended exec(String redirections, String line) throws Exception {
    return run("sh", redirections, "exec", "-H", host, "-c", line);
  }

  private static byte[] jar() throws IOException {
    return Files.readAllBytes(Path.of("target/runnel.jar"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"2>&-", "<&- 2>&-"})
  void whatGoesToAClosedStderrIsDroppedAndTheCodeIsTheCommands(String closed) throws Exception {
    String line = "seq 20000 >&2; cat; echo out; exit 5";
    assertEquals(new Ended(5, "out\n", ""), exec(closed, line));
    assertEquals(new Ended(0, "", ""), exec(closed, "echo only >&2"));
    assertEquals(new Ended(137, "", ""), exec(closed, "kill -KILL $$"));
    // What is ours has nowhere to go, and the code says it.
    assertEquals(new Ended(255, "", ""), run("sh", closed, "exec", "-H", "unix:/nowhere", "true"));
  }

  @ParameterizedTest
  @ValueSource(strings = {">&-", "<&- >&-"})
  void whatGoesToAClosedStdoutIsLostAndSaidSo(String closed) throws Exception {
    Ended ended = exec(closed, "echo out; echo err >&2");
    assertEquals(255, ended.code(), ended.toString());
    assertTrue(ended.err().contains("runnel: cannot write to stdout: "), ended.err());
    assertEquals(new Ended(3, "", "err\n"), exec(closed, "echo err >&2; exit 3"));
  }

  @Test
  void withBothClosedLostOutputIsNoSuccess() throws Exception {
    byte[] before = jar();
    for (String closed : List.of(">&- 2>&-", "<&- >&- 2>&-")) {
      assertEquals(new Ended(255, "", ""), exec(closed, "seq 20000; seq 20000 >&2"));
      assertEquals(new Ended(4, "", ""), exec(closed, "exit 4"));
    }
    assertEquals(-1, Arrays.mismatch(before, jar()), "something wrote into our jar");
  }

  @Test
  void jobsThatOutliveTheirClientAreNoDifferent() throws Exception {
    assertEquals(
        new Ended(0, "quiet\n", ""),
        run("sh", "2>&-", "run", "-H", host, "--job", "quiet", "-c", "echo a; echo b >&2; exit 6"));
    assertEquals(new Ended(6, "", ""), run("sh", "2>&-", "wait", "-H", host, "quiet"));
    assertEquals(new Ended(0, "a\n", ""), run("sh", "2>&-", "logs", "-H", host, "quiet"));
    assertEquals(new Ended(6, "a\n", ""), run("sh", "2>&-", "attach", "-H", host, "quiet"));
    assertEquals(255, run("sh", ">&-", "logs", "-H", host, "quiet").code());
    assertEquals(255, run("sh", ">&-", "status", "-H", host, "quiet").code());
    assertEquals(0, run("sh", "2>&-", "jobs", "-a", "-H", host).code());
  }

  /** It is started with descriptors of its own, and so is its command. */
  @Test
  void aServerOfItsOwnHasTheSame() throws Exception {
    String line = "ls -l /proc/self/fd | grep -c jar; echo err >&2; exit 5";
    for (String shell : List.of("sh", "bash")) {
      assertEquals(new Ended(5, "0\n", ""), run(shell, "2>&-", "exec", "-c", line));
      assertEquals(new Ended(255, "", ""), run(shell, ">&- 2>&-", "exec", "-c", line));
    }
  }

  @Test
  void aScriptOfAShellIsNoDifferent() throws Exception {
    Path script = Files.writeString(folder.resolve("script"), "echo a\necho b >&2\nexit 7\n");
    assertEquals(new Ended(7, "a\n", ""), run("sh", "2>&- <" + script, "shell", "-H", host));
  }
}
