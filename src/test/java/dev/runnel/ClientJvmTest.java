package dev.runnel;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.cli.Verb;
import dev.runnel.model.JvmSettings;
import dev.runnel.server.Until;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A client is a JVM, and no command is to notice: neither by its words nor its exit codes nor its
 * settings. By the launcher, under each shell that {@code /bin/sh} may be.
 */
@Timeout(300)
@SuppressWarnings("NullAway.Init") // Set before each.
@Tag("slow")
class ClientJvmTest {
  private static final Path LAUNCHER = Path.of("runnel").toAbsolutePath();
  private static final int QUIT = 131;

  @TempDir private Path folder;
  private Launcher launcher;
  private Process process;

  @BeforeEach
  void keepToItself() throws IOException {
    Map<String, String> environment =
        new HashMap<>(Launcher.ofCheckout(Path.of("").toAbsolutePath()).environment());
    // No default server of this machine's, and no leftovers of its daemons.
    environment.put("XDG_RUNTIME_DIR", Files.createDirectory(folder.resolve("run")).toString());
    environment.put("RUNNEL_STATE_DIR", "none");
    launcher = Launcher.ofCheckout(Path.of("").toAbsolutePath()).with(environment);
  }

  @AfterEach
  void leaveNothing() {
    if (process != null) {
      process.destroyForcibly();
    }
  }

  /** What {@code /bin/sh} is here, and the others that it may be elsewhere. */
  static List<String> shells() throws IOException {
    Map<Path, String> shells = new LinkedHashMap<>();
    for (String shell : List.of("/bin/sh", "/bin/dash", "/bin/bash")) {
      if (Files.isExecutable(Path.of(shell))) {
        shells.putIfAbsent(Path.of(shell).toRealPath(), shell);
      }
    }
    return List.copyOf(shells.values());
  }

  /** A line of sh, with the launcher as its function runnel, run by that very shell. */
  private ProcessBuilder script(String shell, String line) {
    String function = "runnel() { " + shell + " '" + LAUNCHER + "' \"$@\"; }\n";
    ProcessBuilder builder = launcher.call();
    builder.command(shell, "-c", function + line);
    return builder;
  }

  private Launcher.Ran sh(String shell, String line) throws Exception {
    return Launcher.run(script(shell, line));
  }

  private static String lastLine(String text) {
    return text.strip().substring(text.strip().lastIndexOf('\n') + 1);
  }

  // --- flags
  // ---------------------------------------------------------------------------------------

  /** A Java that notes its arguments, one a line, before it becomes the real one. */
  private Path notingJava(Path notes) throws IOException {
    Path home = Files.createDirectories(folder.resolve("java"));
    Path real = Path.of(System.getProperty("java.home"));
    Files.copy(real.resolve("release"), home.resolve("release"));
    Files.createSymbolicLink(home.resolve("lib"), real.resolve("lib"));
    Files.createDirectory(home.resolve("bin"));
    Path java = home.resolve("bin/java");
    Files.writeString(
        java,
        "#!/bin/sh\nprintf '%s\\n' \"$@\" >'" + notes + "'\nexec '" + real + "/bin/java' \"$@\"\n");
    assertTrue(java.toFile().setExecutable(true));
    return home;
  }

  @Test
  void everyVerbButTheDaemonsStartsAsAClientDoes() throws Exception {
    Path notes = folder.resolve("notes");
    Map<String, String> environment = new HashMap<>(launcher.environment());
    environment.put("RUNNEL_JAVA_HOME", notingJava(notes).toString());
    environment.put("RUNNEL_JAVA_OPTS", "-Ddaemon.only=true");
    Launcher noting = launcher.with(environment);
    List<String> client = flags(noting, notes, "exec");
    assertTrue(client.contains("-XX:TieredStopAtLevel=1"), client.toString());
    assertFalse(client.contains("-Ddaemon.only=true"), client.toString());
    for (Verb verb : Verb.values()) {
      switch (verb.jvm()) {
        // It keeps a daemon busy, or is one, for which it has a compiler and a heap as that has.
        case LONG -> {
          List<String> daemon = flags(noting, notes, verb.word());
          assertEquals(verb == Verb.SERVE, daemon.contains("-Ddaemon.only=true"), verb.word());
          assertTrue(daemon.contains("-Xmx256m"), daemon.toString());
          assertFalse(daemon.contains("-XX:TieredStopAtLevel=1"), daemon.toString());
        }
        case SHORT -> assertEquals(client, flags(noting, notes, verb.word()), verb.word());
        case NONE -> {}
      }
    }
    for (String word : List.of("nonsense", "version", "rehearse", "--version", "")) {
      assertEquals(client, flags(noting, notes, word), word);
    }
  }

  private static List<String> flags(Launcher noting, Path notes, String word) throws Exception {
    var _ = noting.run(word, "--help");
    List<String> all = Files.readAllLines(notes);
    assertTrue(all.containsAll(JvmSettings.FLAGS), all.toString());
    return all.subList(0, all.indexOf("dev.runnel.Main"));
  }

  // --- variables
  // -----------------------------------------------------------------------------------

  // With a newline, and with bytes that are no text.
  private static final String SET_ALL =
      "value=$(printf -- '-Dx=y -agentpath:/nonexistent\\n\\377\\200 \\047\\042$x \\\\ `')\n";

  private static byte[] run(ProcessBuilder builder, int code) throws Exception {
    Path err = Files.createTempFile("jvm", ".err");
    Process process =
        builder.redirectInput(Path.of("/dev/null").toFile()).redirectError(err.toFile()).start();
    byte[] out;
    try (InputStream in = process.getInputStream()) {
      out = in.readAllBytes();
    }
    assertEquals(code, process.waitFor(), Files.readString(err, ISO_8859_1));
    assertEquals("", Files.readString(err, ISO_8859_1));
    Files.delete(err);
    return out;
  }

  @ParameterizedTest
  @MethodSource("shells")
  void whatAJvmReadsFromTheEnvironmentReachesCommandsAloneAndUnchanged(String shell)
      throws Exception {
    String names = String.join(" ", JvmSettings.VARIABLES);
    String set =
        SET_ALL + "for name in " + names + "; do eval \"export $name=\\\"\\$value\\\"\"; done\n";
    Path show =
        Files.writeString(
            folder.resolve("show"),
            """
            env -0 | tr '\\n\\0' '\\001\\n' | LC_ALL=C grep -a -E '^(_?J|RUNNEL_)' |
              LC_ALL=C grep -a -v -E '^RUNNEL_(JOB|MARK)=' | LC_ALL=C sort
            """);
    byte[] expected =
        run(script(shell, set + "unset RUNNEL_BUILD RUNNEL_STATE_DIR\nsh '" + show + "'"), 0);
    byte[] got = run(script(shell, set + "runnel exec -- sh '" + show + "'"), 0);
    assertArrayEquals(expected, got, new String(got, ISO_8859_1));
    assertTrue(new String(got, ISO_8859_1).contains("\377\200"));
  }

  @Test
  void aCommandThatAsksIsToldOfTheLauncher() throws Exception {
    Launcher.Ran ran =
        launcher.run("exec", "--env", "RUNNEL_LAUNCHER=", "--", "printenv", "RUNNEL_LAUNCHER");
    assertEquals(
        new Launcher.Ran(0, Path.of("runnel").toAbsolutePath() + "\n", ""), ran, ran.err());
  }

  @Test
  void aDaemonsCommandsHaveThemTooAndNeitherJvmHeedsThem() throws Exception {
    Map<String, String> environment = new HashMap<>(launcher.environment());
    for (String name : JvmSettings.VARIABLES) {
      environment.put(name, "-agentpath:/nonexistent");
    }
    Launcher with = launcher.with(environment);
    ProcessBuilder serve =
        with.call("serve", "--listen", "127.0.0.1:0", "--insecure", "--log-level", "warn");
    Path err = folder.resolve("daemon.err");
    process = serve.redirectError(err.toFile()).start();
    String line = process.inputReader().readLine();
    assertTrue(line.startsWith("listening on "), line + Files.readString(err));
    String host = line.substring("listening on ".length());
    for (String name : JvmSettings.VARIABLES) {
      assertEquals(
          new Launcher.Ran(0, "-agentpath:/nonexistent\n", ""),
          with.run("exec", "-H", host, "--", "printenv", name));
    }
    environment.put("JAVA_TOOL_OPTIONS", "another");
    assertEquals(
        new Launcher.Ran(0, "another\n", ""),
        launcher
            .with(environment)
            .run(
                "exec",
                "-H",
                host,
                "--env",
                "JAVA_TOOL_OPTIONS",
                "--",
                "printenv",
                "JAVA_TOOL_OPTIONS"));
    assertEquals("", Files.readString(err));
  }

  @Test
  void saysNothingOfFilesThatWereMeantForAnotherJvm() throws Exception {
    Path there = Files.createDirectory(folder.resolve("there"));
    Files.writeString(there.resolve(".hotspotrc"), "+PrintFlagsFinal\n");
    Files.writeString(there.resolve(".hotspot_compiler"), "print *.*\n");
    ProcessBuilder call = launcher.call("exec", "--", "echo", "@there");
    assertEquals(new Launcher.Ran(0, "@there\n", ""), Launcher.run(call.directory(there.toFile())));
  }

  // --- where a JVM does not start
  // ------------------------------------------------------------------

  @ParameterizedTest
  @MethodSource("shells")
  void aClientNeedsNoFolder(String shell) throws Exception {
    Process daemon = serve();
    String host = host(daemon);
    String gone = "mkdir gone && cd gone && rmdir ../gone\n";
    Path there = Files.createDirectory(folder.resolve("there"));
    Launcher.Ran remote =
        Launcher.run(
            script(shell, gone + "runnel exec -H " + host + " -- echo hi")
                .directory(there.toFile()));
    assertEquals("hi\n", remote.out());
    assertEquals(0, remote.exitCode(), remote.err());
    assertFalse(remote.err().contains("runnel:"), remote.err());
    Launcher.Ran named =
        Launcher.run(script(shell, gone + "runnel exec --cwd / -- pwd").directory(there.toFile()));
    assertEquals("/\n", named.out(), named.err());
    // A server of its own would run it there, or in another folder, which is worse.
    Launcher.Ran own =
        Launcher.run(script(shell, gone + "runnel exec -- touch here").directory(there.toFile()));
    assertEquals(255, own.exitCode());
    assertEquals("", own.out());
    assertEquals(
        "runnel: the current folder is gone: name another one with --cwd, or a host with -H",
        lastLine(own.err()));
    // Nor does a path mean anything there.
    Launcher.Ran report =
        Launcher.run(
            script(shell, gone + "runnel exec -H " + host + " --report r.json -- true")
                .directory(there.toFile()));
    assertEquals(255, report.exitCode());
    Launcher.Ran served =
        Launcher.run(
            script(shell, gone + "runnel serve --listen 127.0.0.1:0 --insecure")
                .directory(there.toFile()));
    assertEquals(255, served.exitCode());
    assertEquals("", served.out());
    try (Stream<Path> left = Files.list(there)) {
      assertEquals(List.of(), left.toList());
    }
  }

  private Process serve() throws IOException {
    ProcessBuilder serve =
        launcher.call("serve", "--listen", "127.0.0.1:0", "--insecure", "--log-level", "warn");
    process = serve.redirectError(ProcessBuilder.Redirect.INHERIT).start();
    return process;
  }

  private static String host(Process daemon) throws IOException {
    return daemon.inputReader().readLine().substring("listening on ".length());
  }

  @ParameterizedTest
  @MethodSource("shells")
  void aClientStartsWithLittleAddressSpaceAndItsServerToo(String shell) throws Exception {
    String show = "ulimit -v; env | grep -E '^(RUNNEL_[^JM]|MALLOC)'; true";
    assertEquals(
        new Launcher.Ran(0, "500000\n", ""),
        sh(shell, "ulimit -v 500000; runnel exec -- sh -c \"" + show + "\""));
    assertEquals(
        new Launcher.Ran(0, "600000\nMALLOC_ARENA_MAX=7\n", ""),
        sh(
            shell,
            "ulimit -v 600000; export MALLOC_ARENA_MAX=7; runnel exec -- sh -c \"" + show + "\""));
    String host = host(serve());
    assertEquals(
        new Launcher.Ran(3, "hi\n", ""),
        sh(shell, "ulimit -v 500000; runnel exec -H " + host + " -c 'echo hi; exit 3'"));
  }

  @ParameterizedTest
  @MethodSource("shells")
  void withTooLittleItEndsWithOurCodeAndOneLine(String shell) throws Exception {
    Path there = Files.createDirectory(folder.resolve("there"));
    for (int limit : new int[] {350_000, 200_000, 100_000}) {
      Launcher.Ran ran =
          Launcher.run(
              script(shell, "ulimit -v " + limit + "; runnel exec -- echo hi")
                  .directory(there.toFile()));
      assertEquals(255, ran.exitCode(), ran.err());
      assertEquals("", ran.out());
      assertEquals(1, ran.err().lines().count(), ran.err());
      assertTrue(ran.err().startsWith("runnel: no JVM starts with so little"), ran.err());
    }
    try (Stream<Path> left = Files.list(there)) {
      assertEquals(List.of(), left.toList());
    }
  }

  @Test
  void whatIsMissingIsNamedWithOurCode() throws Exception {
    Path copy = Files.createDirectory(folder.resolve("copy"));
    Checkout checkout = Checkout.copyTo(copy);
    Files.delete(checkout.jar());
    Launcher.Ran ran = checkout.launcher().run("exec", "--", "true");
    assertEquals(255, ran.exitCode());
    assertEquals("", ran.out());
    assertEquals(1, ran.err().lines().count(), ran.err());
  }

  @ParameterizedTest
  @MethodSource("shells")
  void aJavaThatIsNoneEndsWithOurCode(String shell) throws Exception {
    Path home = Files.createDirectories(folder.resolve("java"));
    Path real = Path.of(System.getProperty("java.home"));
    Files.copy(real.resolve("release"), home.resolve("release"));
    Path java = Files.createDirectory(home.resolve("bin")).resolve("java");
    Files.write(java, new byte[] {0x7f, 'E', 'L', 'F', 1, 2, 3});
    assertTrue(java.toFile().setExecutable(true));
    Launcher.Ran ran = sh(shell, "export RUNNEL_JAVA_HOME='" + home + "'; runnel exec -- true");
    assertEquals(255, ran.exitCode(), ran.err());
    assertEquals("", ran.out());
  }

  // --- signals
  // -------------------------------------------------------------------------------------

  /** What a client prints and how it ends, with signals sent to it on the way. */
  private static final class Running {
    final Process process;
    final Path err;
    final ByteArrayOutputStream out = new ByteArrayOutputStream();

    Running(Process process, Path err) {
      this.process = process;
      this.err = err;
    }

    /** Blocks until that much of stdout came. */
    void await(String text) throws IOException {
      while (!out.toString(ISO_8859_1).endsWith(text)) {
        int one = process.getInputStream().read();
        assertTrue(one >= 0, () -> "ended after " + out + ": " + err());
        out.write(one);
      }
    }

    void kill(String signal) throws Exception {
      Process kill = new ProcessBuilder("kill", "-" + signal, "" + process.pid()).start();
      assertEquals(0, kill.waitFor());
    }

    /** Asserts all that came on stdout, byte by byte, and the exit code. */
    void ends(int code, String expected) throws Exception {
      process.getInputStream().transferTo(out);
      assertEquals(expected, out.toString(ISO_8859_1));
      assertEquals(code, process.waitFor(), err());
    }

    String err() {
      try {
        return Files.readString(err);
      } catch (IOException e) {
        return e.toString();
      }
    }
  }

  private Running start(String... words) throws IOException {
    Path err = Files.createTempFile(folder, "client", ".err");
    return new Running(launcher.call(words).redirectError(err.toFile()).start(), err);
  }

  /** A line of sh that says each QUIT, and ends with 7 after the second one. */
  private static final String COUNTS =
      "exec 2>/dev/null; n=0; trap 'n=$((n+1)); echo quit $n; [ $n -lt 2 ] || exit 7' QUIT; echo ready;"
          + " while :; do sleep 0.02; done";

  @ParameterizedTest
  @ValueSource(strings = {"own", "daemon", "no-resume", "pty"})
  void everyQuitReachesTheCommandAndNothingElseIsPrinted(String how) throws Exception {
    List<String> words = new ArrayList<>(List.of("exec"));
    if (!how.equals("own")) {
      words.addAll(List.of("-H", host(serve())));
    }
    if (how.equals("no-resume")) {
      words.add("--no-resume");
    }
    String end = "\n";
    if (how.equals("pty")) {
      words.add("--force-pty");
      end = "\r\n";
    }
    words.addAll(List.of("-c", COUNTS));
    Running client = start(words.toArray(String[]::new));
    client.await("ready" + end);
    client.kill("QUIT");
    client.await("quit 1" + end);
    client.kill("QUIT");
    client.ends(7, "ready" + end + "quit 1" + end + "quit 2" + end);
    assertEquals("", client.err());
  }

  @Test
  void aCommandThatQuitEndsIsToldAsSuch() throws Exception {
    Running client = start("exec", "--", "sh", "-c", "echo ready; exec sleep 1000");
    client.await("ready\n");
    client.kill("QUIT");
    client.ends(QUIT, "ready\n");
  }

  @Test
  void aScriptsCommandGetsIt() throws Exception {
    Running client = start("shell");
    try (var in = client.process.outputWriter()) {
      in.write(COUNTS.replace("exit 7", "exit 0") + "\necho next\n");
    }
    client.await("ready\n");
    client.kill("QUIT");
    client.await("quit 1\n");
    client.kill("QUIT");
    client.ends(0, "ready\nquit 1\nquit 2\nnext\n");
  }

  @Test
  void aScriptThatRunsNothingEnds() throws Exception {
    Running client = start("shell");
    client.process.getOutputStream().write("echo ready\n".getBytes(ISO_8859_1));
    client.process.getOutputStream().flush();
    client.await("ready\n");
    // Between the output's end and the next line a command may still be running.
    Until.holds(
        "the end",
        () -> {
          new ProcessBuilder("kill", "-QUIT", "" + client.process.pid()).start().waitFor();
          return !client.process.isAlive();
        });
    client.ends(QUIT, "ready\n");
  }

  @Test
  void whoTookAJobOverPassesItOnAndWhoLooksOnEnds() throws Exception {
    String host = host(serve());
    assertEquals(0, launcher.run("run", "-H", host, "--job", "j", "-c", COUNTS).exitCode());
    Running logs = start("logs", "-H", host, "-f", "j");
    Running watch = start("attach", "-H", host, "--watch", "j");
    Running waits = start("wait", "-H", host, "j");
    Running attach = start("attach", "-H", host, "j");
    logs.await("ready\n");
    watch.await("ready\n");
    attach.await("ready\n");
    Until.holds(
        "all there",
        () -> launcher.run("status", "-H", host, "--json", "j").out().contains("\"followers\":4"));
    for (Running one : List.of(logs, watch)) {
      one.kill("QUIT");
      one.ends(QUIT, "ready\n");
    }
    waits.kill("QUIT");
    waits.ends(QUIT, "");
    attach.kill("QUIT");
    attach.await("quit 1\n");
    attach.kill("QUIT");
    attach.ends(7, "ready\nquit 1\nquit 2\n");
  }

  @Test
  void clientsWithoutACommandEndByIt() throws Exception {
    String host = host(serve());
    assertEquals(
        0, launcher.run("run", "-H", host, "--job", "j", "--", "sleep", "1000").exitCode());
    Running jobs = start("jobs", "-H", host, "--watch");
    jobs.await("j");
    jobs.kill("QUIT");
    jobs.process.getInputStream().transferTo(jobs.out);
    assertEquals(QUIT, jobs.process.waitFor(), jobs.err());
    assertFalse(
        jobs.out.toString(ISO_8859_1).contains("thread dump"), jobs.out.toString(ISO_8859_1));
    assertEquals("", jobs.err());
  }

  @Test
  void aDaemonsDumpIsOnItsStderrAndNowhereElse() throws Exception {
    Path err = folder.resolve("daemon.err");
    ProcessBuilder serve = launcher.call("serve", "--listen", "127.0.0.1:0", "--insecure");
    process = serve.redirectError(err.toFile()).start();
    String host = host(process);
    Running client = start("exec", "-H", host, "-c", "echo ready; read line; echo $line");
    client.await("ready\n");
    Process kill = new ProcessBuilder("kill", "-QUIT", "" + process.pid()).start();
    assertEquals(0, kill.waitFor());
    Until.holds("a dump", () -> Files.readString(err).contains("Full thread dump"));
    client.process.getOutputStream().write("on\n".getBytes(ISO_8859_1));
    client.process.getOutputStream().close();
    client.ends(0, "ready\non\n");
    process.toHandle().destroy();
    assertEquals("", new String(process.getInputStream().readAllBytes(), ISO_8859_1));
  }

  // What kill(1) can do as well as a mistake of the JVM's: its report would go to stdout.
  @ParameterizedTest
  @ValueSource(strings = {"SEGV", "BUS", "FPE", "ILL", "ABRT"})
  void aClientThatCrashesPrintsNothingOnStdout(String signal) throws Exception {
    Path there = Files.createDirectory(folder.resolve("there"));
    Path err = Files.createTempFile(folder, "client", ".err");
    ProcessBuilder call = launcher.call("exec", "--", "sh", "-c", "echo ready; exec sleep 1000");
    Running client =
        new Running(call.directory(there.toFile()).redirectError(err.toFile()).start(), err);
    client.await("ready\n");
    client.kill(signal);
    client.ends(134, "ready\n");
    try (Stream<Path> left = Files.list(there)) {
      assertEquals(
          List.of(),
          left.filter(file -> !file.getFileName().toString().startsWith("core")).toList());
    }
  }
}
