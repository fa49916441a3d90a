package dev.runnel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.security.Tokens;
import dev.runnel.server.Until;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A daemon acts on signals, and its commands do, whatever its parent had ignored or blocked. */
@Tag("also-root")
class DaemonSignalsTest {
  @TempDir Path folder = Path.of("");

  private static void send(String signal, Daemon daemon) throws Exception {
    Process kill = new ProcessBuilder("kill", "-" + signal, "" + daemon.process().pid()).start();
    assertEquals(0, kill.waitFor());
  }

  private Daemon start(List<String> parent, String... options) throws Exception {
    Tool.require("env", "DaemonSignalsTest");
    List<String> words = new ArrayList<>(List.of("--listen", "unix:" + folder.resolve("s")));
    words.addAll(List.of(options));
    List<String> program = new ArrayList<>(List.of("env"));
    program.addAll(parent);
    Daemon daemon = Daemon.startWithin(program, words.toArray(String[]::new));
    assertEquals("listening on unix:" + folder.resolve("s"), daemon.line());
    return daemon;
  }

  @ParameterizedTest
  @ValueSource(strings = {"--ignore-signal=HUP", "--block-signal=HUP", "--ignore-signal", "both"})
  void hangUpHasFilesReadAgain(String parent) throws Exception {
    List<String> options =
        parent.equals("both") ? List.of("--ignore-signal", "--block-signal") : List.of(parent);
    Path tokens = Files.writeString(folder.resolve("t"), Tokens.create("ci").line() + "\n");
    try (Daemon daemon = start(options, "--tokens", tokens.toString())) {
      send("HUP", daemon);
      Until.holds("taken up", () -> daemon.log().contains("files taken up files=[" + tokens));
      send("HUP", daemon);
      Until.holds(
          "taken up again",
          () -> daemon.log().lines().filter(it -> it.contains("files taken up")).count() == 2);
      assertTrue(daemon.process().isAlive());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"TERM", "INT"})
  void endsOnRequest(String signal) throws Exception {
    for (List<String> parent :
        List.of(
            List.of("--ignore-signal=" + signal),
            List.of("--block-signal=" + signal),
            List.of("--ignore-signal", "--block-signal"))) {
      try (Daemon daemon = start(parent)) {
        send(signal, daemon);
        assertEquals(0, daemon.exitCode(), () -> parent + ": " + log(daemon));
      }
    }
  }

  private static String log(Daemon daemon) {
    try {
      return daemon.log();
    } catch (java.io.IOException e) {
      return e.toString();
    }
  }

  @Test
  void commandsHaveDefaultDispositionsAndNothingBlocked() throws Exception {
    String look = "grep -E '^Sig(Ign|Blk)' /proc/self/status | cut -f 2; yes | head -n 1";
    try (Daemon daemon = start(List.of("--ignore-signal", "--block-signal"))) {
      for (List<String> way :
          List.of(List.<String>of(), List.of("--limit-open-files", "100"), List.of("-tt"))) {
        List<String> words = new ArrayList<>(List.of("exec", "-H", "unix:" + folder.resolve("s")));
        words.addAll(way);
        words.addAll(List.of("--", "bash", "-o", "pipefail", "-c", look));
        Launcher.Ran ran =
            Launcher.run(new ProcessBuilder(ClientProcess.command(words.toArray(String[]::new))));
        String none = "0000000000000000\n";
        assertEquals(none + none + "y\n", ran.out().replace("\r", ""), way + ran.err());
        // Of yes: 128 and the number of SIGPIPE.
        assertEquals(141, ran.exitCode(), way + ran.err());
      }
      assertTrue(daemon.process().isAlive());
    }
  }
}
