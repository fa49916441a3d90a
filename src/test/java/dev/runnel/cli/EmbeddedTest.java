package dev.runnel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** exec without a host: a process of ours, the server it starts, and what becomes of that. */
@NullMarked
@Tag("also-root")
@Tag("slow")
class EmbeddedTest {
  @TempDir Path folder = Path.of("");

  private ProcessBuilder client(String... words) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Djava.io.tmpdir=" + folder, "-Xmx64m", "-XX:TieredStopAtLevel=1"));
    command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-cp"));
    command.addAll(List.of(System.getProperty("java.class.path"), "dev.runnel.Main", "exec"));
    command.addAll(List.of(words));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().keySet().removeIf(name -> name.startsWith("RUNNEL_"));
    // No server of this machine's is meant.
    builder.environment().put("XDG_RUNTIME_DIR", folder.toString());
    return builder;
  }

  private static String read(java.io.InputStream in) throws Exception {
    return new String(in.readAllBytes(), StandardCharsets.UTF_8);
  }

  private void assertNothingIsLeft() throws Exception {
    try (var files = Files.list(folder)) {
      assertEquals(
          List.of(), files.map(Path::toString).filter(n -> n.contains("runnel-")).toList());
    }
  }

  private static void assertEnds(long pid) throws Exception {
    var process = ProcessHandle.of(pid);
    if (process.isPresent()) {
      var _ = process.get().onExit().get(30, TimeUnit.SECONDS);
    }
  }

  @Test
  void runsACommandOnAServerOfItsOwn() throws Exception {
    Process client = client("--", "sh", "-c", "cat; echo err >&2; exit 3").start();
    try (var out = client.getOutputStream()) {
      out.write("in".getBytes(StandardCharsets.UTF_8));
    }
    assertEquals("in", read(client.getInputStream()));
    assertEquals("err\n", read(client.getErrorStream()));
    assertEquals(3, client.waitFor());
    assertNothingIsLeft();
  }

  @Test
  void saysInALineWhomItEnded() throws Exception {
    String line = "setsid sleep 1000 </dev/null >/dev/null 2>&1 & exit 4";
    Process client = client("-n", "--", "sh", "-c", line).start();
    String err = read(client.getErrorStream());
    assertEquals(4, client.waitFor());
    String expected =
        "runnel: ended 1 process that outlived the command: .*sleep 1000.* \\(\\d+\\)"
            + " \\(to keep such processes: --leftovers keep, or runnel run for each\\)\n";
    assertTrue(err.matches(expected), err);
    assertNothingIsLeft();
  }

  @Test
  void endsTheJobWhenTheClientIsKilled() throws Exception {
    Process client = client("-n", "--", "sh", "-c", "echo $$ $PPID; exec sleep 600").start();
    BufferedReader out = client.inputReader();
    String[] pids = out.readLine().split(" ", -1);
    client.destroyForcibly();
    assertEquals(137, client.waitFor());
    assertEnds(Long.parseLong(pids[0]));
    assertEnds(Long.parseLong(pids[1]));
  }

  @Test
  void endsTheJobWhenTheClientIsTerminated() throws Exception {
    Process client = client("-n", "--", "sh", "-c", "echo $$ $PPID; exec sleep 600").start();
    BufferedReader out = client.inputReader();
    String[] pids = out.readLine().split(" ", -1);
    client.destroy();
    assertEquals(143, client.waitFor());
    assertEnds(Long.parseLong(pids[0]));
    assertEnds(Long.parseLong(pids[1]));
    assertNothingIsLeft();
  }

  @Test
  void saysWhenTheServerDoesNotStart() throws Exception {
    ProcessBuilder builder = client("-n", "true");
    builder.environment().put("RUNNEL_JAVA_OPTS", "-Drunnel.x=1 -Xmxnone");
    Process client = builder.start();
    String err = read(client.getErrorStream());
    assertEquals(255, client.waitFor());
    assertTrue(err.contains("runnel: the server for this command ended before it listened"), err);
    assertNothingIsLeft();
  }
}
