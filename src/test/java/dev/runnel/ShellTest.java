package dev.runnel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.security.identity.Tokens;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code runnel shell} against a real daemon: as a script, and typed at a real terminal. */
@Tag("either")
@Tag("slow")
class ShellTest {
  private static final long PATIENCE_SECONDS = 30;

  private Path folder;
  private Daemon daemon;
  private String host;

  /** What a script printed, and how it ended. */
  private record Script(int exitCode, String out, String err) {}

  @BeforeEach
  void start(@TempDir Path temporary) throws IOException {
    folder = temporary.toRealPath();
    host = "unix:" + folder.resolve("d.sock");
    daemon = listen();
  }

  @AfterEach
  void stop() throws IOException {
    daemon.close();
  }

  private Daemon listen() throws IOException {
    Daemon started = Daemon.start("--listen", host);
    assertEquals("listening on " + host, started.line());
    return started;
  }

  @Test
  void scriptRunsLineByLineAndEndsWithTheLastCode() throws Exception {
    Script script =
        script("echo one\n\necho two >&2; exit 3\n  \nprintf '%s\\n' 'th\u00fcr ! \\e'; exit 4");
    assertEquals("one\nth\u00fcr ! \\e\n", script.out());
    assertEquals("two\n", script.err());
    assertEquals(4, script.exitCode());
  }

  @Test
  void quitEndsAScriptBeforeItsEnd() throws Exception {
    assertEquals(new Script(0, "a\n", ""), script("echo a\nquit\necho b\n"));
  }

  @Test
  void exitLeavesWithItsCodeOrTheLastOne() throws Exception {
    assertEquals(new Script(0, "a\n", ""), script("echo a\nexit\necho b\n"));
    assertEquals(new Script(3, "", ""), script("exit 3\necho b\n"));
    assertEquals(5, script("(exit 5)\nexit\necho b\n").exitCode());
    // More than that is the command's own shell's.
    assertEquals(new Script(0, "b\n", ""), script("exit 3; true\necho b\n"));
  }

  /** What is lost of line 1 is not made good by line 2. */
  @ParameterizedTest
  @CsvSource({
    "echo lost, >/dev/full",
    "echo lost, >&-",
    "seq 100000, >/dev/full",
    "echo lost >&2, 2>/dev/full",
    "pwd, >/dev/full",
    "cd /, >/dev/full",
    "help, >/dev/full",
  })
  void scriptEndsWhereItsOutputIsLost(String line, String redirection) throws Exception {
    Path ran = folder.resolve("ran");
    Process script = redirected(redirection, line + "\ntouch " + ran + "\ntrue\n");
    String err = new String(script.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
    assertTrue(script.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS), "still runs");
    assertEquals(255, script.exitValue(), err);
    assertFalse(Files.exists(ran), "the next line ran");
    if (!redirection.startsWith("2")) {
      assertTrue(err.startsWith("runnel: cannot write to stdout: "), err);
      assertEquals(1, err.lines().count(), err);
    }
  }

  private Process redirected(String redirection, String lines) throws IOException {
    ProcessBuilder shell = shell();
    List<String> words = new ArrayList<>(List.of("bash", "-c", "\"$@\" " + redirection, "bash"));
    words.addAll(shell.command());
    Process script = shell.command(words).start();
    try (Writer in = script.outputWriter(StandardCharsets.UTF_8)) {
      in.append(lines);
    } catch (IOException _) {
      // It ended before it read them.
    }
    return script;
  }

  @Test
  void helpSaysWhatALineIs() throws Exception {
    Script script = script("help\nhelp\n");
    assertTrue(script.out().contains("variables and functions do not last"), script.out());
    assertEquals(0, script.exitCode());
  }

  @Test
  void signalsAndUnfinishedLinesHaveTheCodesTheyHaveInAShell() throws Exception {
    assertEquals(143, script("kill -TERM $$").exitCode());
    assertEquals(2, script("echo 'unfinished").exitCode());
    assertEquals(0, script("").exitCode());
  }

  @Test
  void cdHoldsForTheLinesThatFollow() throws Exception {
    String outer = folder.resolve("a b; c").toString();
    String real = Files.createDirectories(Path.of(outer, "inner")).toString();
    Script script =
        script("cd '" + outer + "'\ncd inner # a comment\npwd\ncd ..\ncd -\npwd; cd / && pwd\npwd");
    assertEquals(
        String.join("\n", outer, real, real, outer, real, real, "/", real, ""), script.out());
    assertEquals("", script.err());
    assertEquals(0, script.exitCode());
  }

  @Test
  void cdAloneGoesHome() throws Exception {
    String home = Path.of(System.getenv("HOME")).toRealPath().toString();
    assertEquals(home + "\n" + home + "\n", script("cd /\ncd\npwd").out().substring(2));
  }

  @Test
  void failingCdChangesNothing() throws Exception {
    Script script = script("cd /usr\ncd /not/there\npwd\ncd /not/there");
    assertEquals("/usr\n/usr\n", script.out());
    assertTrue(script.err().contains("/not/there"), script.err());
    assertTrue(script.exitCode() != 0, "a failing cd was taken for a success");
  }

  @Test
  void directoryThatIsGoneCanBeLeft() throws Exception {
    Path gone = Files.createDirectory(folder.resolve("gone"));
    Script script = script("cd " + gone + "\nrmdir " + gone + "\npwd\ncd /usr\npwd");
    assertEquals(gone + "\n/usr\n/usr\n", script.out());
    assertEquals(0, script.exitCode());
  }

  @Test
  void connectionThatWasLostIsSaidAndMadeAnew() throws Exception {
    Process shell = shell().start();
    Writer in = shell.outputWriter(StandardCharsets.UTF_8);
    BufferedReader out = shell.inputReader(StandardCharsets.UTF_8);
    BufferedReader err = shell.errorReader(StandardCharsets.UTF_8);
    // A read of a pipe can't be interrupted: without this a fault would hang instead of fail.
    var _ = shell.onExit().orTimeout(4, TimeUnit.MINUTES).exceptionally(_ -> end(shell));
    in.append("cd /usr\n").flush();
    assertEquals("/usr", out.readLine());
    daemon.close();
    daemon = listen();
    in.append("pwd\n").flush();
    assertEquals("/usr", out.readLine());
    assertEquals("runnel: connection to " + host + " was lost; connecting again", err.readLine());
    in.append("kill -KILL " + daemon.process().pid() + "; sleep 60\n").flush();
    String unknown = err.readLine();
    assertTrue(unknown.contains(" is not known"), unknown);
    var _ = daemon.exitCode();
    in.append("echo nobody is there\n").flush();
    String unreachable = err.readLine();
    assertTrue(unreachable.startsWith("runnel: cannot reach " + host), unreachable);
    daemon = listen();
    in.append("pwd; exit 7\nquit\n").flush();
    assertEquals("/usr", out.readLine());
    assertTrue(shell.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS));
    assertEquals(7, shell.exitValue());
  }

  private static Process end(Process process) {
    return process.destroyForcibly();
  }

  @Test
  void withoutAServerThereIsNoPrompt() throws Exception {
    daemon.close();
    Script script = script("echo a\n");
    assertEquals(255, script.exitCode());
    assertTrue(script.err().startsWith("runnel: cannot reach " + host), script.err());
  }

  @Test
  void typedAtATerminal() throws Exception {
    Tool.require("tmux", "ShellTest.typedAtATerminal");
    try (Tmux tmux = Tmux.running(folder.resolve("tmux.sock"), shell())) {
      tmux.await("^local> $");
      tmux.type("echo fir''st; sleep 1000", "Enter");
      // It streams: the command has not ended yet.
      tmux.await("^first$");
      tmux.type("C-c");
      tmux.await("^\\[INT\\] local> $");
      tmux.type("(exit 3)", "Enter");
      tmux.await("^\\[3\\] local> $");
      tmux.type("dropped");
      tmux.await("local> dropped$");
      tmux.type("C-c");
      tmux.await("dropped.*\n(.*\n)?\\[3\\] local> $");
      tmux.type("cd /usr", "Enter");
      tmux.await("^/usr\nlocal:/usr> $");
      tmux.type("Up", "Up", "Enter");
      tmux.await("local:/usr> \\(exit 3\\)\n\\[3\\] local:/usr> $");
      tmux.type("echo one; kill -9 $$", "Enter");
      tmux.await("^one\n\\[KILL\\] local:/usr> $");
      tmux.type("C-d");
      tmux.await("ended with 0$");
    }
    Path history = folder.resolve("runnel/history");
    assertEquals(
        List.of(
            "echo fir''st; sleep 1000", "(exit 3)", "cd /usr", "(exit 3)", "echo one; kill -9 $$"),
        Files.readAllLines(history));
    assertEquals(
        "rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(history)));
  }

  /** Its address says little to the person who typed the name. */
  @Test
  void thePromptNamesTheHostAsTheUserDoes() throws Exception {
    Tool.require("tmux", "ShellTest.thePromptNamesTheHostAsTheUserDoes");
    Path config = Files.createDirectories(folder.resolve("config/runnel")).resolve("config.yaml");
    Files.writeString(config, "\uFEFFhosts:\n  prod-1:\n    host: " + host + "\n");
    ProcessBuilder shell = new ProcessBuilder(ClientProcess.command("shell", "-H", "prod-1"));
    shell.environment().putAll(shell().environment());
    shell.environment().put("XDG_CONFIG_HOME", folder.resolve("config").toString());
    try (Tmux tmux = Tmux.running(folder.resolve("tmux.sock"), shell)) {
      tmux.await("connected to prod-1 \\(unix:[^>]*\nprod-1> $");
      tmux.type("exit", "Enter");
      tmux.await("ended with 0$");
    }
  }

  @Test
  void aSecondInterruptCancelsWhatTheFirstDidNotEnd() throws Exception {
    Tool.require("tmux", "ShellTest.aSecondInterruptCancelsWhatTheFirstDidNotEnd");
    try (Tmux tmux = Tmux.running(folder.resolve("tmux.sock"), shell())) {
      tmux.await("^local> $");
      tmux.type("trap 'echo no' INT; echo st''art; while :; do sleep 1000; done", "Enter");
      tmux.await("^start$");
      tmux.type("C-c");
      tmux.await("^no$");
      tmux.type("C-c");
      tmux.await("^\\[130\\] local> $");
      tmux.type("quit", "Enter");
      tmux.await("ended with 0$");
    }
  }

  @Test
  void aThirdInterruptWaitsForNothingAnyMore() throws Exception {
    Tool.require("tmux", "ShellTest.aThirdInterruptWaitsForNothingAnyMore");
    try (Tmux tmux = Tmux.running(folder.resolve("tmux.sock"), shell())) {
      tmux.await("^local> $");
      tmux.type("echo st''art; sleep 1000", "Enter");
      tmux.await("^start$");
      signal("STOP");
      tmux.type("C-c");
      tmux.await("\\^C$");
      // Taken, not only shown: two signals of a kind that wait for a process are one.
      tmux.awaitLineStart();
      tmux.type("C-c");
      tmux.await("\\^C\\s*\\^C$");
      tmux.awaitLineStart();
      tmux.type("C-c");
      tmux.await("^\\[255\\] local> $");
      signal("CONT");
      tmux.type("echo go''es on", "Enter");
      tmux.await("^goes on\nlocal> $");
    }
  }

  private void signal(String name) throws Exception {
    String pid = String.valueOf(daemon.process().pid());
    assertEquals(0, new ProcessBuilder("kill", "-" + name, pid).start().waitFor());
  }

  @Test
  void wrongTokenLeadsToNoPrompt() throws Exception {
    Tool.require("tmux", "ShellTest.wrongTokenLeadsToNoPrompt");
    Path known = Files.writeString(folder.resolve("known"), Tokens.create("alice").line() + "\n");
    Path wrong = Files.writeString(folder.resolve("wrong"), Tokens.create("alice").secret());
    try (Daemon guarded = Daemon.start("--listen", "127.0.0.1:0", "--tokens", known.toString())) {
      host = guarded.line().substring("listening on ".length());
      ProcessBuilder shell = shell();
      shell.command().addAll(List.of("--token-file", wrong.toString()));
      try (Tmux tmux = Tmux.running(folder.resolve("tmux.sock"), shell)) {
        tmux.await("token: not known[^>]*ended with 255$");
      }
    }
  }

  private ProcessBuilder shell() {
    ProcessBuilder shell = new ProcessBuilder(ClientProcess.command("shell", "-H", host));
    shell.environment().put("XDG_STATE_HOME", folder.toString());
    shell.environment().put("LC_ALL", "C.UTF-8");
    return shell;
  }

  private Script script(String lines) throws Exception {
    Path err = folder.resolve("err");
    Process shell = shell().redirectError(err.toFile()).start();
    try (Writer in = shell.outputWriter(StandardCharsets.UTF_8)) {
      in.append(lines);
    } catch (IOException _) {
      // It ended before it read them.
    }
    String out = new String(shell.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Script(shell.waitFor(), out, Files.readString(err));
  }
}
