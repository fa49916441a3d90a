package dev.runnel.process.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.CommandSpec;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.Leftover;
import dev.runnel.model.Signal;
import dev.runnel.model.Stream;
import dev.runnel.process.OsProcess;
import dev.runnel.process.OsProcess.Survivors;
import dev.runnel.process.loop.ProcessLoop;
import dev.runnel.process.proc.EnvironmentTag;
import dev.runnel.process.proc.KernelTable;
import dev.runnel.process.proc.ProcFiles;
import dev.runnel.process.proc.ProcView;
import dev.runnel.process.proc.ProcessTable;
import dev.runnel.process.proc.TreeProcess;
import dev.runnel.process.sys.Pid;
import dev.runnel.process.tree.PidfdSet;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** Signals, and who is left of a session: in a process of our own and in somebody else's. */
@ParameterizedClass
@EnumSource(NativeEngine.Ownership.class)
@Tag("also-root")
@Tag("slow")
class SessionTest {
  private static final Duration LONG = Duration.ofHours(1);
  private static final String DETACHED = " </dev/null >/dev/null 2>&1 & ";

  private final NativeEngine engine;

  SessionTest(NativeEngine.Ownership ownership) {
    engine = NativeEngine.open(ownership);
  }

  @AfterEach
  void closeEngine() {
    engine.close();
  }

  /** Runs it; then somebody of its session prints "ready" and the pid that the test is about. */
  private Recorder startUntilReady(String line) {
    Recorder recorder = Runs.start(engine, Runs.shell(line));
    Runs.await("ready", () -> recorder.text(Stream.STDOUT).endsWith("ready\n"));
    return recorder;
  }

  private static int pidIn(Recorder recorder) {
    return Integer.parseInt(recorder.text(Stream.STDOUT).replaceAll("\\D", ""));
  }

  @Test
  void signalsReachTheWholeGroup() {
    Recorder recorder = startUntilReady("sleep 1000" + " & echo $! ready; wait");
    boolean[] reached = new boolean[1];
    Runs.onPump(engine, recorder, process -> reached[0] = process.signal(Signal.HUP));
    Runs.await("end", recorder::isOver);
    assertTrue(reached[0]);
    assertEquals(new ExitStatus.Signaled(Signal.HUP.number()), recorder.status());
    Runs.await("end of the other", () -> !ProcView.isAlive(pidIn(recorder)));
  }

  @Test
  void signalsReachNobodyWhenNobodyIsLeft() {
    Recorder recorder = Runs.run(engine, CommandSpec.of("/bin/true"));
    assertEquals(Survivors.NONE, Runs.survivors(engine, recorder));
    Runs.onPump(engine, recorder, process -> assertFalse(process.signal(Signal.TERM)));
    assertEquals(Survivors.NONE, Runs.clear(engine, recorder, LONG));
    assertEquals(' ', ProcView.state(recorder.process().pid()));
  }

  @Test
  void findsWhoeverOutlivesTheLeaderAndEndsIt() {
    Recorder recorder = Runs.run(engine, Runs.shell("sleep 1000" + DETACHED + "echo $!"));
    int pid = pidIn(recorder);
    Runs.await("exec", () -> ProcView.text(pid, "cmdline").startsWith("sleep"));
    Survivors survivors = Runs.survivors(engine, recorder);
    assertEquals(1, survivors.total());
    assertEquals(new Leftover(pid, "sleep 1000", false), survivors.listed().getFirst());
    assertTrue(ProcView.isAlive(pid), "found, not touched");

    Survivors cleared = Runs.clear(engine, recorder, LONG);
    assertEquals(1, cleared.total());
    assertEquals(new Leftover(pid, "sleep 1000", true), cleared.listed().getFirst());
    assertFalse(ProcView.isAlive(pid));
    assertEquals(Survivors.NONE, Runs.survivors(engine, recorder));
    assertEquals(' ', ProcView.state(recorder.process().pid()), "the leader is reaped");
  }

  @Test
  void findsMembersInGroupsOfTheirOwn() {
    // With -m each background job gets a group of its own: a signal to the leader's misses it.
    String line = "set -m; sleep 1000" + DETACHED + "echo $! ready; set +m; sleep 1000";
    Recorder recorder = Runs.start(engine, CommandSpec.of("bash", "-c", line));
    Runs.await("ready", () -> recorder.text(Stream.STDOUT).endsWith("ready\n"));
    int pid = pidIn(recorder);
    assertEquals(
        1, Runs.survivors(engine, recorder).listed().stream().filter(l -> l.pid() == pid).count());
    Runs.clear(engine, recorder, LONG);
    Runs.await("end", recorder::isOver);
    assertEquals(new ExitStatus.Signaled(Signal.TERM.number()), recorder.status());
    assertFalse(ProcView.isAlive(pid));
  }

  @Test
  void killsAfterTheGraceWhatIgnoresTerm() {
    Recorder recorder = startUntilReady("trap '' TERM; echo ready; while :; do sleep 1; done");
    Runs.clear(engine, recorder, Duration.ofMillis(50));
    assertEquals(new ExitStatus.Signaled(Signal.KILL.number()), recorder.status());
  }

  @Test
  void givesTheGraceToWhatCleansUp() {
    String line =
        "trap 'sleep 0.2; echo cleaned; exit 7' TERM; echo ready; while :; do sleep 0.01; done";
    Recorder recorder = startUntilReady(line);
    Runs.clear(engine, recorder, LONG);
    Runs.await("end", recorder::isOver);
    assertEquals(new ExitStatus.Exited(7), recorder.status());
    assertEquals("ready\ncleaned\n", recorder.text(Stream.STDOUT));
  }

  @Test
  void sendsTermOnce() {
    String counting =
        "(n=0; trap 'n=$((n+1)); echo term $n' TERM; echo ready; "
            + "while [ $n = 0 ]; do sleep 0.01; done; sleep 0.3)";
    Recorder recorder = startUntilReady(counting + " & trap '' TERM; wait");
    Runs.clear(engine, recorder, LONG);
    Runs.await("end", recorder::isOver);
    assertEquals("ready\nterm 1\n", recorder.text(Stream.STDOUT));
  }

  @Test
  void endsWhatStoppedItself() {
    Recorder recorder = Runs.startAndAwait(engine, Runs.shell("kill -STOP $$"));
    Runs.await("stop", () -> ProcView.state(recorder.process().pid()) == 'T');
    Runs.clear(engine, recorder, LONG);
    assertEquals(new ExitStatus.Signaled(Signal.TERM.number()), recorder.status());
  }

  @Test
  void hurriesWhenAskedAgain() {
    Recorder recorder = startUntilReady("trap '' TERM; echo ready; while :; do sleep 1; done");
    CompletableFuture<Survivors> first = new CompletableFuture<>();
    Runs.onPump(engine, recorder, process -> process.clear(LONG, first::complete));
    Runs.clear(engine, recorder, Duration.ofMillis(20));
    Runs.get(first);
    assertEquals(new ExitStatus.Signaled(Signal.KILL.number()), recorder.status());
  }

  @Test
  void reportsWhatOutlivedTheLeaderOfASessionThatItEnded() {
    String line = "(trap '' TERM; echo ready; exec sleep 1000) & wait";
    Recorder recorder = startUntilReady(line);
    Survivors survivors = Runs.clear(engine, recorder, Duration.ofSeconds(1));
    assertEquals(new ExitStatus.Signaled(Signal.TERM.number()), recorder.status());
    assertEquals(1, survivors.total());
    assertEquals("sleep 1000", survivors.listed().getFirst().command());
    assertTrue(survivors.listed().getFirst().ended());
  }

  @Test
  void endsAWholeCrowdAndListsTheFirstOfThem() {
    String line = "i=0; while [ $i -lt 70 ]; do i=$((i+1)); sleep 1000" + DETACHED + "done";
    Recorder recorder = Runs.run(engine, Runs.shell(line));
    Survivors survivors = Runs.clear(engine, recorder, LONG);
    assertEquals(70, survivors.total());
    assertEquals(64, survivors.listed().size());
    assertEquals(Survivors.NONE, Runs.survivors(engine, recorder));
  }

  @Test
  void isNotMisledByNames(@TempDir Path folder) throws Exception {
    // The kernel puts the name before the state, in parentheses and as it is.
    Path program = Files.copy(Path.of("/bin/sleep"), folder.resolve("(x) Z (y"));
    String line = "'" + program + "' 1000" + DETACHED + "echo $!";
    Recorder recorder = Runs.run(engine, Runs.shell(line));
    int pid = pidIn(recorder);
    Runs.await("exec", () -> ProcView.text(pid, "comm").startsWith("(x)"));
    assertEquals(
        List.of(new Leftover(pid, program + " 1000", false)),
        Runs.survivors(engine, recorder).listed());
    Runs.clear(engine, recorder, Duration.ZERO);
  }

  @Test
  void findsAProcessWhoseFirstThreadHasEnded() {
    // The system call exit, as opposed to exit_group, ends the calling thread alone.
    String program =
        "import ctypes, os, threading, time; threading.Thread(target=time.sleep, args=(1000,)).start(); "
            + "ctypes.CDLL(None).syscall({'x86_64': 60}.get(os.uname().machine, 93), 0)";
    Recorder recorder =
        Runs.run(engine, Runs.shell("python3 -c \"" + program + "\"" + DETACHED + "echo $!"));
    int pid = pidIn(recorder);
    Runs.await("end of the first thread", () -> ProcView.state(pid) == 'Z');
    assertEquals(1, Runs.survivors(engine, recorder).total());
    Runs.clear(engine, recorder, LONG);
    assertEquals(Survivors.NONE, Runs.survivors(engine, recorder));
  }

  @Test
  void endsManySessionsAtOnce() {
    List<Recorder> recorders = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      recorders.add(Runs.start(engine, Runs.shell("sleep 1000 & sleep 1000 & wait")));
    }
    List<CompletableFuture<Survivors>> answers = new ArrayList<>();
    for (Recorder recorder : recorders) {
      Runs.await("start", () -> recorder.has("started"));
      CompletableFuture<Survivors> answer = new CompletableFuture<>();
      Runs.onPump(engine, recorder, process -> process.clear(LONG, answer::complete));
      answers.add(answer);
    }
    answers.forEach(Runs::get);
    for (Recorder recorder : recorders) {
      assertEquals(new ExitStatus.Signaled(Signal.TERM.number()), recorder.status());
      assertEquals(Survivors.NONE, Runs.survivors(engine, recorder));
    }
  }

  @Test
  void letsGoOfWhatIsToLiveOn() {
    Recorder recorder = Runs.run(engine, Runs.shell("sleep 1000" + DETACHED + "echo $!"));
    int pid = pidIn(recorder);
    assertEquals(1, Runs.survivors(engine, recorder).total());
    Runs.onPump(engine, recorder, OsProcess::discardOutput);
    assertEquals(' ', ProcView.state(recorder.process().pid()), "the leader is reaped");
    // Its number may be anybody's now.
    assertEquals(Survivors.NONE, Runs.clear(engine, recorder, Duration.ZERO));
    engine.close();
    assertTrue(ProcView.isAlive(pid));
    Pid.killGroup(Pid.group(pid), Signal.KILL.number());
    Runs.await("its end", () -> !ProcView.isAlive(pid));
  }

  @Test
  void neverSignalsWhoHasTheNumberOfAMemberThatIsGone() {
    Recorder stranger = Runs.startAndAwait(engine, CommandSpec.of("sleep", "1000"));
    Recorder recorder = Runs.startAndAwait(engine, CommandSpec.of("sleep", "1000"));
    Runs.onPump(
        engine,
        recorder,
        _ -> {
          ProcessLoop pump = new ProcessLoop();
          ProcessTable table = KernelTable.withoutChildren(new EnvironmentTag("none"));
          PidfdSet targets = new PidfdSet(pump, table, () -> {});
          // As if the number of a member that was just found had got a new owner.
          targets.add(member(stranger, -1), List.of(Signal.KILL));
          assertTrue(targets.isEmpty());
          targets.add(member(recorder, 0), List.of(Signal.KILL));
          assertFalse(targets.isEmpty());
          targets.close();
          pump.poller().close();
        });
    Runs.await("end", recorder::isOver);
    assertTrue(ProcView.isAlive(stranger.process().pid()));
    Runs.clear(engine, stranger, Duration.ZERO);
  }

  private static TreeProcess member(Recorder recorder, long laterTicks) {
    int pid = recorder.process().pid();
    return new TreeProcess(
        pid, ProcFiles.started(pid) + laterTicks, "x", TreeProcess.Stage.RUNNING);
  }

  @Test
  void killsEverybodyWhenTheEngineIsClosed() {
    Recorder ignoring = startUntilReady("trap '' TERM; echo ready; while :; do sleep 1; done");
    Recorder leaving = Runs.run(engine, Runs.shell("sleep 1000" + DETACHED + "echo $!"));
    engine.close();
    assertEquals(new ExitStatus.Signaled(Signal.KILL.number()), ignoring.status());
    assertTrue(ignoring.isOver());
    assertFalse(ProcView.isAlive(pidIn(leaving)));
    Recorder late = Runs.start(engine, CommandSpec.of("/bin/true"));
    assertEquals("the process engine is closed", late.refusal());
  }
}
