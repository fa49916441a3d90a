package dev.runnel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.cli.Client;
import dev.runnel.security.identity.Tokens;
import dev.runnel.tools.PolicyVerb;
import dev.runnel.wire.Lies;
import dev.runnel.wire.Lies.Lie;
import dev.runnel.wire.Lies.Told;
import dev.runnel.wire.RawFrames;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What README.md, PROTOCOL.md and the guide show, as a stranger would try it. */
@Tag("also-root")
@Tag("slow")
class ReadmeTest {
  private static final int MAX_CLIENT_LINES = 15;
  private static final Path PROTOCOL = Path.of("PROTOCOL.md");
  private static final Path SERVERS = Path.of("docs", "guide", "servers-and-security.md");

  @Test
  void pythonClientOfFifteenLinesRunsACommand(@TempDir Path folder) throws Exception {
    Tool.require("python3", "ReadmeTest.pythonClientOfFifteenLinesRunsACommand");
    String client = Pages.block(PROTOCOL, "```python\n");
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
    Path file = Files.writeString(folder.resolve("run.py"), Pages.block(PROTOCOL, "```python\n"));
    try (Daemon daemon = Daemon.start("--listen", "127.0.0.1:0", "--insecure")) {
      Process python = python(file, daemon.port(), "echo here; exec sleep 60");
      assertEquals("here", python.inputReader().readLine());
      var _ = daemon.process().destroyForcibly();
      assertTrue(python.waitFor() != 0, "a cut connection was taken for a success");
    }
  }

  @Test
  void pythonClientPrintsWhyItIsNotLetIn(@TempDir Path folder) throws Exception {
    Tool.require("python3", "ReadmeTest.pythonClientPrintsWhyItIsNotLetIn");
    Path file = Files.writeString(folder.resolve("run.py"), Pages.block(PROTOCOL, "```python\n"));
    Path tokens = Files.writeString(folder.resolve("tokens"), Tokens.create("alice").line() + "\n");
    try (Daemon daemon = Daemon.start("--listen", "127.0.0.1:0", "--tokens", tokens.toString())) {
      Process python = python(file, daemon.port(), "true");
      assertEquals(
          "hello with a token has to come first\n", read(python.getErrorStream().readAllBytes()));
      assertEquals(1, python.waitFor());
    }
  }

  @Test
  void pythonClientTakesNothingForASuccessThatIsNone(@TempDir Path folder) throws Exception {
    Tool.require("python3", "ReadmeTest.pythonClientTakesNothingForASuccessThatIsNone");
    Path file = Files.writeString(folder.resolve("run.py"), Pages.block(PROTOCOL, "```python\n"));
    List<Collection<Told>> answers = new ArrayList<>(List.of(Lies.truth("1").values()));
    Lies.all().forEach(lie -> answers.add(Lies.with("1", lie)));
    List<String> believed = played(file, folder.resolve("believed"), answers);
    assertEquals("True", believed.getFirst());
    for (int i = 1; i < answers.size(); i++) {
      Lie lie = Lies.all().get(i - 1);
      assertTrue(believed.get(i).equals("False") || isNotRead(lie), lie.toString());
    }
    try (Daemon daemon = Daemon.start("--listen", "127.0.0.1:0", "--insecure")) {
      Process python = python(file, daemon.port(), "kill -KILL $$");
      assertTrue(read(python.getErrorStream().readAllBytes()).contains("'signal': 'KILL'"));
      assertEquals(1, python.waitFor());
    }
  }

  /** What stands in frames for others: whose job it is, where output belongs, what comes first. */
  private static boolean isNotRead(Lie lie) {
    String truth = lie.truth();
    return truth.contains("\"job\"")
        || truth.contains("\"offset\"")
        || truth.contains("\"output_bytes\"")
        || (List.of("started", "exited").contains(lie.frame()) && !truth.contains("\"final\""));
  }

  /** Whether the client takes each of these answers for a success. */
  private static List<String> played(Path file, Path into, List<Collection<Told>> answers)
      throws Exception {
    // All in one process: sixty would take a loaded machine minutes.
    String all =
        """
        import gc, runpy, sys
        with open(sys.argv[5], "w") as into:
            for _ in range(int(sys.argv[4])):
                believed = False
                try:
                    runpy.run_path(sys.argv[6])
                except SystemExit as end:
                    believed = end.code == 0 or end.code is None
                except Exception:
                    pass
                gc.collect()
                print(believed, file=into)
        """;
    try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      ProcessBuilder python = new ProcessBuilder("python3", "-c", all, "127.0.0.1");
      python.command().addAll(List.of("" + server.getLocalPort(), "true", "" + answers.size()));
      python.command().addAll(List.of(into.toString(), file.toString()));
      Process process = python.redirectErrorStream(true).start();
      for (Collection<Told> answer : answers) {
        try (Socket peer = server.accept()) {
          peer.setSoTimeout(30_000);
          for (Told told : answer) {
            byte[] body = RawFrames.utf8(told.body());
            String header = "{" + told.keys() + ",\"total_size\":" + body.length + "}";
            peer.getOutputStream().write(RawFrames.frame(header, body));
          }
          peer.shutdownOutput();
          // What it asked for is read: else its connection would be reset before it has read ours.
          var _ = peer.getInputStream().transferTo(OutputStream.nullOutputStream());
        } catch (SocketException _) {
          // It did not believe the first of it.
        }
      }
      String said = read(process.getInputStream().readAllBytes());
      assertEquals(0, process.waitFor(), said);
      return Files.readAllLines(into);
    }
  }

  @Test
  void policySaysWhatItIsShownToSay(@TempDir Path folder) throws Exception {
    Path policy =
        Files.writeString(
            folder.resolve("policy.yaml"),
            Pages.block(SERVERS, "```yaml\n# policy.yaml, for runnel"));
    Files.writeString(policy, "# " + Files.readString(policy));
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    List<String> words =
        List.of(
            "policy",
            "check",
            policy.toString(),
            "--as",
            "ci",
            "--env",
            "PATH",
            "--",
            "make",
            "test");
    assertEquals(
        1, Client.run(PolicyVerb.DEFINITION, out, System.err, words.toArray(String[]::new)));
    String shown =
        Pages.block(SERVERS, "$ runnel policy check policy.yaml --as ci --env PATH -- make test\n");
    assertEquals(shown, read(out.toByteArray()));
  }

  /** The README's quick start, on one machine instead of two, and with a make of our own. */
  @Test
  void quickStartForTwoMachinesRuns(@TempDir Path folder) throws Exception {
    Tool.require("openssl", "ReadmeTest.quickStartForTwoMachinesRuns");
    Path bin = Files.createDirectory(folder.resolve("bin"));
    Files.createSymbolicLink(bin.resolve("runnel"), Path.of("runnel").toAbsolutePath());
    Path make = Files.writeString(bin.resolve("make"), "#!/bin/sh\necho made $1\n");
    assertTrue(make.toFile().setExecutable(true));
    String server = typed("On the server, `build-1`:\n\n```\n");
    String client = typed("`tls.crt` copied from there:\n\n```\n");
    String script =
        String.join(
            "\n",
            "set -e; trap 'kill $!; wait' EXIT",
            "mkdir server client site; cd server",
            server.replace("build-1", "localhost").replace("0.0.0.0:7866", "127.0.0.1:0")
                + " --state-dir \"$PWD/state\" >said &",
            "until grep -q listening said; do kill -0 $!; sleep 0.1; done",
            "port=$(sed 's/.*://' said); cp me.secret tls.crt ../client; cd ../client",
            client.replace("build-1", "localhost:$port").replace("/srv", folder.toString()));
    ProcessBuilder shell = new ProcessBuilder("bash", "-c", script).directory(folder.toFile());
    Launcher launcher = Launcher.ofCheckout(Path.of("").toAbsolutePath());
    shell.environment().clear();
    shell.environment().putAll(launcher.environment());
    shell.environment().put("PATH", bin + ":" + System.getenv("PATH"));
    Launcher.Ran ran = Launcher.run(shell);
    assertEquals(0, ran.exitCode(), ran.err());
    assertTrue(ran.out().endsWith("nightly\nmade nightly\n"), ran.out());
    assertTrue(Files.exists(folder.resolve("site/tls.crt")));
  }

  /** What is typed in that block of the README. */
  private static String typed(String opening) throws Exception {
    return Pages.block(Path.of("README.md"), opening).replaceAll("(?m)^\\$ ", "").strip();
  }

  private static Process python(Path file, int port, String line) throws Exception {
    return new ProcessBuilder("python3", file.toString(), "127.0.0.1", "" + port, line).start();
  }

  private static String read(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
