package dev.runnel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code runnel exec -t} at a real terminal, against a real daemon. */
@SuppressWarnings("NullAway.Init") // The daemon is there before any test.
@Tag("slow")
class TerminalExecTest {
  private static final String READY = "PS1=ready> ";

  @TempDir private static Path sockets;
  private static Daemon daemon;
  private static String host;

  @TempDir private Path folder;

  @BeforeAll
  static void start() throws IOException {
    host = "unix:" + sockets.resolve("d.sock");
    daemon = listen();
  }

  @AfterAll
  static void stop() throws IOException {
    daemon.close();
  }

  private static Daemon listen() throws IOException {
    Daemon started = Daemon.start("--listen", host);
    assertEquals("listening on " + host, started.line());
    return started;
  }

  @Test
  void aShellIsAsItIsOverSsh() throws Exception {
    try (Tmux tmux = running("-t", "--env", READY, "--", "bash", "--norc")) {
      tmux.await("^ready>$");
      tmux.type("stty size; tty; echo TERM is $TERM", "Enter");
      tmux.await("^40 100\n/dev/pts/\\d+\nTERM is (screen|tmux)");
      tmux.type("echo ru''ns; sleep 1000", "Enter");
      tmux.await("^runs$");
      tmux.type("C-c");
      tmux.await("^runs\n\\^C\nready>$");
      tmux.type("echo $?", "Enter");
      tmux.await("^130\n");
      // Until it runs the command, the shell has the keys in a mode of its own.
      tmux.type("echo re''ads; cat", "Enter");
      tmux.await("^reads$");
      tmux.type("typed", "Enter");
      tmux.await("^typed\ntyped$");
      tmux.type("C-d");
      // What is typed before its prompt, the terminal shows as well.
      tmux.await("^typed\nready>$");
      tmux.type("echo o''ver; sleep 1000", "Enter");
      tmux.await("^typed\nready> echo o''ver.*\nover$");
      tmux.type("C-z");
      tmux.await("Stopped +sleep 1000\nready>$");
      tmux.type("fg", "Enter");
      tmux.await("^echo o''ver; sleep 1000$|^sleep 1000$");
      tmux.type("C-c");
      tmux.await("^\\^C\nready>$");
      tmux.type("exit 3", "Enter");
      tmux.await("^ended with 3$");
      assertTrue(isCooked(tmux), tmux.modes());
    }
  }

  @Test
  void anEditorAndItsWholeScreen() throws Exception {
    Tool.require("vi", "TerminalExecTest.anEditorAndItsWholeScreen");
    Path file = folder.resolve("file");
    try (Tmux tmux = running("-t", "--", "vi", "-u", "NONE", "-N", "-n", file.toString())) {
      tmux.await("^~\n~\n~");
      tmux.type("i", "first line", "Enter", "th\u00fcr");
      tmux.await("first line\nth\u00fcr\n~");
      tmux.type("Escape", "gg", "dw", ":set ruler", "Enter", ":wq", "Enter");
      tmux.await("^ended with 0$");
      assertEquals("line\nth\u00fcr\n", Files.readString(file));
      assertTrue(isCooked(tmux), tmux.modes());
    }
  }

  @Test
  void aProgramThatRepaintsItsScreen() throws Exception {
    Tool.require("top", "TerminalExecTest.aProgramThatRepaintsItsScreen");
    try (Tmux tmux = running("-t", "--", "top", "-d", "0.2")) {
      tmux.await("load average: (.*\n)+ +PID USER");
      tmux.resize(20, 60);
      tmux.await("(?s)load average:.*PID USER");
      tmux.type("q");
      tmux.await("^ended with 0$");
    }
  }

  @Test
  void anotherSizeIsPassedOn() throws Exception {
    String loop = "trap \"stty size\" WINCH; echo ready; while :; do sleep 0.05; done";
    try (Tmux tmux = running("-t", "-c", loop)) {
      tmux.await("^ready$");
      tmux.resize(21, 70);
      tmux.await("^21 70$");
      tmux.resize(22, 71);
      tmux.await("^22 71$");
      tmux.type("C-c");
      tmux.await("ended with 130$");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"TERM", "HUP", "INT", "USR1", "ALRM", "ABRT"})
  void aSignalToTheClientGivesTheTerminalBack(String signal) throws Exception {
    Path job = folder.resolve("job");
    try (Tmux tmux = running("-t", "-c", "echo $$ >" + job + "; echo ready; sleep 1000")) {
      tmux.await("^ready$");
      assertFalse(isCooked(tmux), tmux.modes());
      signal(signal);
      tmux.await("^ended with 1(43|29|30|38|42|34)$");
      assertTrue(isCooked(tmux), tmux.modes());
      long pid = Long.parseLong(Files.readString(job).strip());
      until("the job's end", () -> ProcessHandle.of(pid).isEmpty());
    }
  }

  @Test
  void aStoppedClientGivesTheTerminalBackForSoLong() throws Exception {
    List<String> words =
        new ArrayList<>(
            List.of("sh", "-c", "echo $$ >" + folder.resolve("pid") + "; exec \"$0\" \"$@\""));
    words.addAll(client("-t", "--env", READY, "--", "bash", "--norc"));
    String line = quoted(words);
    ProcessBuilder shell = new ProcessBuilder("bash");
    String start = "exec env 'PS1=outer> ' bash --norc -i";
    try (Tmux tmux = Tmux.running(folder.resolve("tmux.sock"), shell, start)) {
      tmux.await("^outer>$");
      Files.writeString(folder.resolve("run"), "exec " + line);
      tmux.type("sh " + folder.resolve("run"), "Enter");
      tmux.await("^ready>$");
      signal("TSTP");
      tmux.await("Stopped(.*\n)+outer>$");
      tmux.type("echo out''side", "Enter");
      tmux.await("^outside\nouter>$");
      tmux.resize(30, 80);
      tmux.type("fg", "Enter", "Enter");
      tmux.await("^ready>$");
      tmux.type("stty size; exit 5", "Enter");
      tmux.await("^30 80$(.*\n)+outer>$");
      tmux.type("echo it was $?", "Enter");
      tmux.await("^it was 5$");
    }
  }

  @Test
  void aLostServerGivesTheTerminalBack() throws Exception {
    Daemon other = Daemon.start("--listen", "unix:" + folder.resolve("o.sock"));
    try (other) {
      assertTrue(other.line().startsWith("listening"));
      String there = "unix:" + folder.resolve("o.sock");
      List<String> words = client("-t", "-H", there, "-c", "echo ready; sleep 1000");
      try (Tmux tmux = Tmux.running(folder.resolve("tmux.sock"), new ProcessBuilder(words))) {
        tmux.await("^ready$");
        other.close();
        tmux.await("^runnel: connection to (.*\n)+ended with 255$");
        assertTrue(isCooked(tmux), tmux.modes());
      }
    }
  }

  @Test
  void aFailedStartLeavesTheTerminalAsItIs() throws Exception {
    try (Tmux tmux = running("-t", "--", "/no/such/program")) {
      tmux.await("No such file or directory.*\nended with 127$");
      assertTrue(isCooked(tmux), tmux.modes());
    }
  }

  @Test
  void withoutATerminalOnlyWhenForced() throws Exception {
    Ran without = run("typed\n", "-t", "-c", "tty; read x; echo got $x; exit 3");
    assertEquals(3, without.exitCode(), without.out());
    assertTrue(without.out().contains("our stdin is no terminal"), without.out());
    assertTrue(without.out().contains("not a tty\ngot typed\n"), without.out());
    assertEquals("not a tty\n", run("", "-t", "-q", "-c", "tty </dev/null; true").out());

    Ran forced = run("typed\n", "-tt", "-c", "stty -echo; stty size; read x; echo got $x");
    assertEquals(0, forced.exitCode(), forced.out());
    assertTrue(forced.out().endsWith("24 80\r\ngot typed\r\n"), forced.out());
  }

  @Test
  void withoutATerminalNoForeignFunctionIsTouched() throws Exception {
    List<String> words = client("--", "true");
    words.add(words.indexOf("-cp"), "-Xlog:class+load");
    ProcessBuilder builder = new ProcessBuilder(words).redirectErrorStream(true);
    Process process = builder.start();
    process.getOutputStream().close();
    String loaded = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor());
    assertTrue(loaded.contains("dev.runnel.cli.ExecVerb"), "no classes listed");
    assertFalse(loaded.contains("dev.runnel.cli.TerminalDevice"));
    assertFalse(loaded.contains("jdk.internal.foreign.abi.AbstractLinker"));
  }

  @Test
  void theModesOfOursArePassedOn() throws Exception {
    try (Tmux tmux =
        runningAfter(
            "stty erase ^H intr ^K -ixon 9600", "-t", "--env", READY, "--", "bash", "--norc")) {
      tmux.await("^ready>$");
      tmux.type("stty -a", "Enter");
      tmux.await("speed 9600 baud");
      tmux.await("intr = \\^K;(.*\n*)+erase = \\^H;");
      tmux.await("-ixon");
      tmux.type("clear", "Enter");
      tmux.await("\\Aready>$");
      tmux.type("echo re''ads; cat", "Enter");
      tmux.await("^reads$");
      tmux.type("wrong", "C-h", "C-h", "C-h", "C-h", "C-h", "better", "C-s", "Enter");
      tmux.await("^better");
      tmux.type("C-k");
      tmux.await("\\^K\nready>$");
      tmux.type("exit 4", "Enter");
      tmux.await("^ended with 4$");
      assertTrue(tmux.modes().contains("intr = ^K"), tmux.modes());
    }
  }

  @ParameterizedTest
  @CsvSource({"env -u TERM, dumb", "env TERM=, dumb", "env TERM=a/b, a/b", "env TERM=\"a b\", a b"})
  void theKindOfTerminalIsOurs(String before, String term) throws Exception {
    String line = before + " " + quoted(client("-t", "-c", "echo \"TERM is <$TERM>\""));
    try (Tmux tmux = onScreen(line)) {
      tmux.await("^TERM is <" + term + ">\nended with 0$");
    }
  }

  @Test
  void withoutATerminalThereIsNoKindOfOne() throws Exception {
    assertEquals("<>\n", run("", "-c", "echo \"<$TERM>\"").out());
    assertEquals("<vt52>\n", run("", "--env", "TERM=vt52", "-c", "echo \"<$TERM>\"").out());
  }

  @Test
  void withoutStdinKeysAreOurs() throws Exception {
    try (Tmux tmux = running("-t", "-n", "-c", "test -t 1 && echo ready; sleep 1000")) {
      tmux.await("^ready$");
      tmux.type("C-c");
      tmux.await("ended with 130$");
      assertTrue(isCooked(tmux), tmux.modes());
    }
  }

  @Test
  void anEscapeKeyLeavesWhateverTheConnectionDoes() throws Exception {
    String there = "unix:" + folder.resolve("o.sock");
    Daemon other = Daemon.start("--listen", there);
    try (other) {
      assertEquals("listening on " + there, other.line());
      String line = quoted(client("-H", there, "-t", "-c", "stty -echo; echo ready; exec cat"));
      try (Tmux tmux = onScreen(line)) {
        tmux.await("^ready$");
        tmux.type("~", "?");
        tmux.await("^~\\. +leave");
        tmux.type("~", "~", "as", "Enter");
        tmux.await("^~as$");
        kill("STOP", other.process().pid());
        tmux.type("hidden", "Enter", "~", ".");
        tmux.await("^runnel: left .*\nended with 255$");
        assertTrue(isCooked(tmux), tmux.modes());
        kill("CONT", other.process().pid());
      }
    }
  }

  @Test
  void escapeKeysCanBeTheJobs() throws Exception {
    String echo = "stty -echo; echo ready; exec cat";
    try (Tmux tmux = running("-t", "--escape", "none", "-c", echo)) {
      tmux.await("^ready$");
      tmux.type("~.", "Enter");
      tmux.await("^~\\.$");
      tmux.type("C-c");
      tmux.await("ended with 130$");
    }
  }

  @Test
  void inAnOutageTheFirstCtrlCIsOurs() throws Exception {
    Daemon other = Daemon.start("--listen", "127.0.0.1:0", "--insecure");
    try (other) {
      String there = "127.0.0.1:" + other.port();
      try (Tmux tmux = onScreen(quoted(client("-H", there, "-t", "-c", "echo ready; exec cat")))) {
        tmux.await("^ready$");
        other.close();
        tmux.await("lost.*; trying again for");
        tmux.type("C-c");
        tmux.await("ended with 130$");
        assertTrue(isCooked(tmux), tmux.modes());
      }
    }
  }

  // Taking a terminal over.

  @Test
  void aTerminalIsTakenOverAsATerminal() throws Exception {
    String[] shell = {
      "--job", "taken", "--linger", "10m", "-t", "--env", READY, "--", "bash", "--norc"
    };
    try (Tmux first = running(shell)) {
      first.await("^ready>$");
      first.type("x=kept", "Enter", "echo s''et", "Enter");
      first.await("^set\nready>$");
      signal("KILL");
      first.await("ended with 137$");
    }
    try (Tmux second = onScreen("sleep 0.3; " + quoted(attach("-t", "taken")))) {
      second.resize(30, 90);
      second.await("^ready>$");
      second.type("echo $x; stty size", "Enter");
      second.await("^kept\n30 90\nready>$");
      second.type("echo ac", "Left", "b", "Enter");
      second.await("^abc\nready>$");
      // Said by who is to be interrupted: before it is in the foreground nobody would be.
      second.type("sh -c \"echo u''p; exec sleep 1000\"", "Enter");
      second.await("^up$");
      second.type("C-c");
      second.await("\\^C\nready>$");
      second.resize(31, 91);
      second.type("stty size; exit 3", "Enter");
      second.await("^31 91$(.*\n)+ended with 3$");
      assertTrue(isCooked(second), second.modes());
    }
  }

  @Test
  void whoTakesATerminalOverOfTheSameSizeSeesItDrawn() throws Exception {
    // As readline does: of two changes that it learns of at once only the last is one.
    String draw = "sleep 0.1; new=$(stty size); [ \"$new\" = \"$old\" ] || echo drawn; old=$new";
    String drawing =
        "old=$(stty size); trap '" + draw + "' WINCH; echo ready; while :; do sleep 0.05; done";
    Process first = ready("--job", "drawn", "--linger", "10m", "-tt", "-c", drawing);
    first.destroyForcibly();
    for (int i = 0; i < 2; i++) {
      try (Tmux tmux = onScreen(quoted(attach("-t", "drawn")))) {
        tmux.await("^drawn$");
        tmux.type("Enter", "~", ".");
        tmux.await("^runnel: left drawn, which goes on; [^>]*ended with 255$");
        assertTrue(isCooked(tmux), tmux.modes());
      }
    }
    assertEquals(0, run(command("cancel", "drawn")).exitCode());
  }

  @Test
  void onlyATerminalCanBeTakenOverAndOnlyByOne() throws Exception {
    Process plain = ready("--job", "plain", "-c", "echo ready; sleep 1000");
    try (Tmux tmux = onScreen(quoted(attach("-t", "plain")))) {
      tmux.await("^runnel: plain has no terminal: attach it without --pty\nended with 255$");
      assertTrue(isCooked(tmux), tmux.modes());
    }
    Ran without = run(attach("-t", "plain"));
    assertEquals(255, without.exitCode());
    assertTrue(without.out().contains("--pty: our stdin is no terminal"), without.out());
    Ran watching = run(attach("-t", "--watch", "plain"));
    assertEquals(255, watching.exitCode());
    assertTrue(watching.out().contains("--watch and --pty as well"), watching.out());
    assertEquals(0, run(command("cancel", "plain")).exitCode());
    plain.destroyForcibly();
  }

  /** A client whose command has said that it is ready. */
  private static Process ready(String... words) throws IOException {
    Process client = new ProcessBuilder(client(words)).redirectErrorStream(true).start();
    assertEquals("ready", client.inputReader().readLine());
    return client;
  }

  private static List<String> attach(String... words) {
    return command("attach", words);
  }

  private static List<String> command(String verb, String... words) {
    List<String> command = ClientProcess.command(verb, "-H", host);
    command.addAll(List.of(words));
    return command;
  }

  private static Ran run(List<String> command) throws Exception {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getOutputStream().close();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Ran(process.waitFor(), out);
  }

  private static void kill(String name, long pid) throws Exception {
    assertEquals(0, new ProcessBuilder("kill", "-" + name, "" + pid).start().waitFor());
  }

  private Tmux runningAfter(String before, String... words) throws IOException {
    return onScreen(before + "; " + quoted(client(words)));
  }

  /** Runs a shell line, and then says with what it ended. */
  private Tmux onScreen(String line) throws IOException {
    Tool.require("tmux", "TerminalExecTest");
    ProcessBuilder shell = new ProcessBuilder("sh");
    shell.environment().put("LC_ALL", "C.UTF-8");
    Path socket = Files.createTempDirectory(folder, "tmux").resolve("s");
    return Tmux.running(socket, shell, line + "; echo ended with $?; exec sleep 1000");
  }

  private record Ran(int exitCode, String out) {}

  /** Without a terminal. */
  private Ran run(String stdin, String... words) throws Exception {
    Process process = new ProcessBuilder(client(words)).redirectErrorStream(true).start();
    try (var in = process.outputWriter(StandardCharsets.UTF_8)) {
      in.append(stdin);
    }
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Ran(process.waitFor(), out);
  }

  private Tmux running(String... words) throws IOException {
    Tool.require("tmux", "TerminalExecTest");
    List<String> line =
        List.of("echo $$ >" + folder.resolve("pid") + "; exec " + quoted(client(words)).strip());
    ProcessBuilder program = new ProcessBuilder("sh", "-c", line.getFirst().replace("'", "'\\''"));
    program.environment().put("LC_ALL", "C.UTF-8");
    return Tmux.running(folder.resolve("tmux.sock"), program);
  }

  private static String quoted(List<String> words) {
    return words.stream()
        .map(word -> "'" + word.replace("'", "'\\''") + "' ")
        .collect(Collectors.joining());
  }

  private static List<String> client(String... words) {
    List<String> command = ClientProcess.command("exec", "-H", host);
    command.addAll(List.of(words));
    return command;
  }

  private void signal(String name) throws Exception {
    long pid = Long.parseLong(Files.readString(folder.resolve("pid")).strip());
    assertEquals(0, new ProcessBuilder("kill", "-" + name, "" + pid).start().waitFor());
  }

  private static boolean isCooked(Tmux tmux) {
    String modes = tmux.modes();
    return modes.contains(" icanon") && modes.contains(" echo ") && modes.contains("\nopost");
  }

  private static void until(String what, Callable<Boolean> condition) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (!condition.call()) {
      if (System.nanoTime() > deadline) {
        fail("not within 30 s: " + what);
      }
      LockSupport.parkNanos(5_000_000);
    }
  }
}
