package dev.runnel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.security.identity.Tokens;
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
@Tag("slow")
class DaemonSignalsTest {
  /** Each has its own way to make a process. */
  private static final List<List<String>> WAYS =
      List.of(List.of(), List.of("--limit-open-files", "100"), List.of("-tt"));

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
      for (List<String> way : WAYS) {
        Launcher.Ran ran = exec(way, "bash", "-o", "pipefail", "-c", look);
        String none = "0000000000000000\n";
        assertEquals(none + none + "y\n", ran.out().replace("\r", ""), way + ran.err());
        // Of yes: 128 and the number of SIGPIPE.
        assertEquals(141, ran.exitCode(), way + ran.err());
      }
      assertTrue(daemon.process().isAlive());
    }
  }

  private Launcher.Ran exec(List<String> way, String... command) throws Exception {
    List<String> words = new ArrayList<>(List.of("exec", "-H", "unix:" + folder.resolve("s")));
    words.addAll(way);
    words.add("--");
    words.addAll(List.of(command));
    return Launcher.run(new ProcessBuilder(ClientProcess.command(words.toArray(String[]::new))));
  }

  // A shell's "&" starts what it starts with INT and QUIT ignored.
  @ParameterizedTest
  @ValueSource(strings = {"--default-signal", "--ignore-signal", "--block-signal"})
  void quitHasTheDaemonWriteItsThreadsAndEndsACommand(String parent) throws Exception {
    try (Daemon daemon = start(List.of(parent + "=QUIT,INT"))) {
      for (int i = 1; i <= 2; i++) {
        int dumps = i;
        send("QUIT", daemon);
        Until.holds(
            "threads",
            () ->
                daemon.log().lines().filter(line -> line.startsWith("Full thread dump")).count()
                    == dumps);
      }
      for (List<String> way : WAYS) {
        Launcher.Ran ran = exec(way, "sh", "-c", "kill -QUIT $$; echo lives on");
        assertEquals("", ran.out(), way + ran.err());
        assertEquals(128 + 3, ran.exitCode(), way + ran.err());
      }
      assertTrue(daemon.process().isAlive());
      send("TERM", daemon);
      assertEquals(0, daemon.exitCode());
    }
  }
}
