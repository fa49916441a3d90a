package dev.runnel.process.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.Leftover;
import dev.runnel.model.Signal;
import dev.runnel.model.Stream;
import dev.runnel.process.OsProcess;
import dev.runnel.process.OsProcess.Survivors;
import dev.runnel.process.proc.ProcView;
import dev.runnel.process.sys.Pid;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** Descendants that left the session: they are found and ended like those that did not. */
@ParameterizedClass
@EnumSource(NativeEngine.Ownership.class)
@SuppressWarnings("NullAway.Init") // JUnit makes the folder before a test.
@Tag("also-root")
@Tag("slow")
class TreeTest {
  private static final Duration LONG = Duration.ofHours(1);
  private static final String CLOSED = " <&- >&- 2>&-";

  @TempDir private Path folder;
  private final NativeEngine engine;

  TreeTest(NativeEngine.Ownership ownership) {
    engine = NativeEngine.open(ownership);
  }

  @AfterEach
  void closeEngine() {
    engine.close();
  }

  /** A shell line that writes its process's number into a file, once it runs. */
  private String telling(String name, String line) {
    // In one write, and without another program, which would be one of its tree for a moment.
    return "echo $$ >" + folder.resolve(name) + "; " + line;
  }

  private String awaited(String name) {
    return " until [ -s " + folder.resolve(name) + " ]; do sleep 0.01; done";
  }

  private boolean isTold(String name) {
    return folder.resolve(name).toFile().length() > 0;
  }

  private int pid(String name) throws Exception {
    return Integer.parseInt(Files.readString(folder.resolve(name)).strip());
  }

  private static String quoted(String line) {
    return "'" + line.replace("'", "'\\''") + "'";
  }

  private void assertOnlyLeftover(Survivors survivors, int pid, String command) {
    assertEquals(List.of(new Leftover(pid, command, true)), survivors.listed());
    assertFalse(ProcView.isAlive(pid));
  }

  @Test
  void whoBeganASessionOfItsOwnIsEnded() throws Exception {
    String leaving = "setsid sh -c " + quoted(telling("a", "exec sleep 1000" + CLOSED)) + " &";
    Recorder recorder = Runs.run(engine, Runs.shell(leaving + awaited("a")));
    int pid = pid("a");
    Runs.await("exec", () -> ProcView.text(pid, "cmdline").startsWith("sleep"));
    assertTrue(ProcView.isAlive(pid));
    assertOnlyLeftover(Runs.clear(engine, recorder, LONG), pid, "sleep 1000");
    assertEquals(' ', ProcView.state(recorder.process().pid()), "the leader is reaped");
  }

  @Test
  void aDaemonThatForkedTwiceAndClosedEverythingIsEnded() throws Exception {
    String daemon = "cd /; " + telling("d", "exec sleep 1001" + CLOSED);
    String line = "setsid sh -c " + quoted("(sh -c " + quoted(daemon) + " &)") + ";" + awaited("d");
    Recorder recorder = Runs.run(engine, Runs.shell(line));
    int pid = pid("d");
    Runs.await("exec", () -> ProcView.text(pid, "cmdline").startsWith("sleep"));
    assertEquals(1, Runs.survivors(engine, recorder).total());
    assertOnlyLeftover(Runs.clear(engine, recorder, LONG), pid, "sleep 1001");
  }

  @Test
  void whoEmptiedItsEnvironmentIsKnownByItsParent() throws Exception {
    String leaving = "env -i setsid sh -c " + quoted(telling("e", "exec sleep 1002")) + " &";
    Recorder recorder = Runs.start(engine, Runs.shell(leaving + awaited("e") + "; echo; wait"));
    Runs.await("ready", () -> recorder.count(Stream.STDOUT) == 1);
    Runs.clear(engine, recorder, LONG);
    assertFalse(ProcView.isAlive(pid("e")));
  }

  @Test
  void whoEmptiedItsEnvironmentAndLostItsParentIsKnownByItsSession() throws Exception {
    String inner = "env -i sh -c " + quoted(telling("i", "exec sleep 1003")) + " &";
    String outer = "(" + inner + "); exec sleep 1004";
    String line = "setsid sh -c " + quoted(outer) + CLOSED + " &" + awaited("i");
    Recorder recorder = Runs.run(engine, Runs.shell(line));
    assertEquals(2, Runs.clear(engine, recorder, LONG).total());
    assertFalse(ProcView.isAlive(pid("i")));
  }

  @Test
  void whoCarriesAMarkInAnothersSessionMakesNobodyElseOurs() throws Exception {
    Recorder recorder =
        Runs.startAndAwait(
            engine,
            Runs.in(folder.toString(), "sh", "-c", "echo $RUNNEL_MARK >mark; exec sleep 1006"));
    Runs.await("a mark", () -> isTold("mark"));
    Path program = folder.resolve("program");
    Files.writeString(
        program,
        """
        RUNNEL_MARK=$(cat mark) sh -c 'echo $$ >carrier; exec sleep 1007' &
        echo $$ >leader
        exec sleep 1008
        """);
    // Not a child of this process, which would take a session of its own child's for an orphan's.
    Process outside =
        new ProcessBuilder("sh", "-c", "setsid sh program & wait")
            .directory(folder.toFile())
            .start();
    Runs.await("a carrier", () -> isTold("carrier") && isTold("leader"));
    Runs.survivors(engine, recorder);
    Runs.clear(engine, recorder, Duration.ofMillis(1));
    boolean isAlive = ProcView.isAlive(pid("leader"));
    for (String name : List.of("carrier", "leader")) {
      new ProcessBuilder("kill", "-KILL", "" + pid(name)).start().waitFor();
    }
    outside.waitFor();
    assertTrue(isAlive);
  }

  @Test
  void whoIgnoresTermOutsideOfTheSessionIsKilledAfterTheGrace() throws Exception {
    String stubborn = "trap '' TERM; " + telling("s", "while :; do sleep 0.1; done");
    String line = "setsid sh -c " + quoted(stubborn) + CLOSED + " & exec sleep 1005";
    Recorder recorder = Runs.startAndAwait(engine, Runs.shell(line));
    Runs.await("start", () -> isTold("s"));
    int pid = pid("s");
    Survivors survivors = Runs.clear(engine, recorder, Duration.ofSeconds(2));
    assertFalse(ProcView.isAlive(pid));
    assertTrue(survivors.listed().stream().anyMatch(left -> left.pid() == pid));
  }

  @Test
  void whoMakesChildrenWhileItIsEndedIsEnded() throws Exception {
    // Each begins a session of its own and makes two more, 100 in all, and ignores TERM and HUP.
    Path program =
        Files.writeString(
            folder.resolve("bomb"),
            """
            trap '' TERM HUP
            echo >>"$1"
            while :; do
              [ $(wc -l <"$1") -ge 100 ] || setsid sh "$0" "$1" &
              sleep 0.05
              [ $(wc -l <"$1") -ge 100 ] || setsid sh "$0" "$1" &
              sleep 1000
            done
            """);
    Path count = folder.resolve("count");
    String line = "sh " + program + " " + count + CLOSED;
    Recorder recorder = Runs.startAndAwait(engine, Runs.shell(line));
    Runs.await("a crowd", () -> Files.exists(count) && size(count) > 30);
    Runs.clear(engine, recorder, Duration.ofMillis(1));
    assertEquals(List.of(), carrying(program.toString()));
    assertEquals(Survivors.NONE, Runs.survivors(engine, recorder));
  }

  private static long size(Path file) {
    return file.toFile().length();
  }

  /** Who runs with that argument. */
  private static List<Integer> carrying(String argument) {
    return ProcView.list(Path.of("/proc")).stream()
        .map(path -> path.getFileName().toString())
        .filter(name -> name.matches("[0-9]+"))
        .map(Integer::valueOf)
        .filter(pid -> ProcView.text(pid, "cmdline").contains(argument))
        .filter(ProcView::isAlive)
        .toList();
  }

  @Test
  void whoGoesFromProgramToProgramIsFoundInTheMomentsBetween() throws Exception {
    Path program = folder.resolve("again");
    Files.writeString(program, "exec sh " + program + "\n");
    for (int i = 0; i < 60; i++) {
      String told = "again" + i;
      String again = quoted(telling(told, "exec sh " + program));
      String leaving = "setsid sh -c " + again + CLOSED + " &";
      Recorder recorder = Runs.run(engine, Runs.shell(leaving + awaited(told)));
      assertEquals(1, Runs.survivors(engine, recorder).total(), "run " + i);
      Runs.clear(engine, recorder, Duration.ofMillis(1));
    }
    assertEquals(List.of(), carrying(program.toString()));
  }

  @Test
  void whoIsKeptOutlivesTheEngineWhereverItIs() throws Exception {
    String leaving = "setsid sh -c " + quoted(telling("k", "exec sleep 1006")) + CLOSED + " &";
    String staying = "sleep 1007 </dev/null >/dev/null 2>&1 & echo $!";
    Recorder recorder = Runs.run(engine, Runs.shell(leaving + staying + ";" + awaited("k")));
    int stayed = Integer.parseInt(recorder.text(Stream.STDOUT).strip());
    int left = pid("k");
    assertEquals(2, Runs.survivors(engine, recorder).total());
    Runs.onPump(engine, recorder, OsProcess::discardOutput);
    // A later one's end does not touch them.
    Recorder other = Runs.run(engine, Runs.shell("setsid sleep 1008" + CLOSED + " &"));
    Runs.clear(engine, other, LONG);
    engine.close();
    assertTrue(ProcView.isAlive(stayed));
    assertTrue(ProcView.isAlive(left));
    Pid.killGroup(Pid.group(stayed), Signal.KILL.number());
    Pid.killGroup(Pid.group(left), Signal.KILL.number());
    Runs.await("their end", () -> !ProcView.isAlive(stayed) && !ProcView.isAlive(left));
  }

  @Test
  void whoBelongsToAnotherJobIsLeftAlone() throws Exception {
    String leaving = "setsid sh -c " + quoted(telling("o", "exec sleep 1009")) + CLOSED + " &";
    Recorder other = Runs.start(engine, Runs.shell(leaving + "exec sleep 1010"));
    Runs.await("start", () -> isTold("o"));
    Recorder recorder = Runs.run(engine, Runs.shell("setsid sleep 1011" + CLOSED + " &"));
    Runs.clear(engine, recorder, Duration.ZERO);
    assertTrue(ProcView.isAlive(pid("o")));
    Runs.clear(engine, other, LONG);
    assertFalse(ProcView.isAlive(pid("o")));
  }
}
