package dev.runnel.process.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.Tool;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.Stream;
import dev.runnel.process.EngineLimits;
import dev.runnel.process.OsProcess.Survivors;
import dev.runnel.process.proc.EnvironmentTag;
import dev.runnel.process.proc.ProcStat;
import dev.runnel.process.proc.ProcView;
import dev.runnel.process.proc.ProcessTable;
import dev.runnel.process.proc.StartThread;
import dev.runnel.process.proc.TreeProcess;
import dev.runnel.process.sys.WaitId;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What commands leave is found, told and ended, however many end at once and however they fork. */
@Tag("also-root")
@Tag("slow")
class LeftBehindTest {
  private static final String CLOSED = " </dev/null >/dev/null 2>&1";
  private static final Duration LONG = Duration.ofHours(1);
  private static final Duration GRACE = Duration.ofSeconds(1);
  private static final int ROUNDS = 8;
  private static final int AT_ONCE = 8;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "setsid sleep 7001" + CLOSED + " & exit 0",
        "setsid sh -c 'sleep 7001 &'" + CLOSED + " & exit 0",
        "setsid sh -c 'setsid sh -c \"setsid sleep 7001 &\" &'" + CLOSED + " & exit 0"
      })
  void everyDaemonOfManyCommandsAtOnce(String line) {
    List<Integer> before = ProcView.children();
    try (NativeEngine engine = NativeEngine.open(NativeEngine.Ownership.OWN_PROCESS)) {
      for (int round = 0; round < ROUNDS; round++) {
        List<Recorder> recorders = new ArrayList<>();
        for (int i = 0; i < AT_ONCE; i++) {
          recorders.add(Runs.start(engine, Runs.shell(line)));
        }
        for (Recorder recorder : recorders) {
          Runs.await("end", recorder::isOver);
          assertTrue(Runs.survivors(engine, recorder).total() > 0, "somebody was left");
          // Not for long: what is made while the others are asked to end is given the grace.
          assertTrue(Runs.clear(engine, recorder, GRACE).total() > 0, "and is told");
        }
        assertEquals(List.of(), running("sleep\0" + "7001\0"));
      }
      Runs.await("all are reaped", () -> before.containsAll(ProcView.children()));
    }
  }

  /** By the beginning of their arguments. */
  private static List<Integer> running(String arguments) {
    return ProcView.list(Path.of("/proc")).stream()
        .map(path -> path.getFileName().toString())
        .filter(name -> name.matches("[0-9]+"))
        .map(Integer::valueOf)
        .filter(pid -> ProcView.isAlive(pid))
        .filter(pid -> ProcView.text(pid, "cmdline").startsWith(arguments))
        .toList();
  }

  /** A program for Python that makes system calls by their numbers. */
  private static CommandSpec python(String program) {
    String calls =
        """
        import ctypes, os, platform, signal, sys, threading, time
        arm = platform.machine() == 'aarch64'
        call = ctypes.CDLL(None).syscall
        def sibling():
            return call(220 if arm else 56, 0x8000 | signal.SIGCHLD, 0, 0, 0, 0)
        def end_thread():
            call(93 if arm else 60, 0)
        """;
    return CommandSpec.of("python3", "-c", calls + program);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "os.setsid()"})
  void aProcessMadeAsTheCommandsOwnSibling(String first) throws Exception {
    Tool.require("python3", "LeftBehindTest.aProcessMadeAsTheCommandsOwnSibling");
    String program =
        """
        if sibling() == 0:
            %s
            for fd in (0, 1, 2): os.close(fd)
            time.sleep(1000)
        time.sleep(0.1)
        """
            .formatted(first.isEmpty() ? "pass" : first);
    List<Integer> before = ProcView.children();
    try (NativeEngine engine = NativeEngine.open(NativeEngine.Ownership.OWN_PROCESS)) {
      Recorder recorder = Runs.run(engine, python(program));
      assertEquals(1, Runs.survivors(engine, recorder).total());
      assertEquals(1, Runs.clear(engine, recorder, LONG).total());
      Runs.await("it is reaped", () -> before.containsAll(ProcView.children()));
    }
  }

  @Test
  void siblingsThatEndedAreReaped() throws Exception {
    Tool.require("python3", "LeftBehindTest.siblingsThatEndedAreReaped");
    String program =
        """
        for i in range(20):
            if sibling() == 0: os._exit(0)
        time.sleep(0.2)
        """;
    List<Integer> before = ProcView.children();
    try (NativeEngine engine = NativeEngine.open(NativeEngine.Ownership.OWN_PROCESS)) {
      Recorder recorder = Runs.run(engine, python(program));
      assertEquals(Survivors.NONE, Runs.survivors(engine, recorder));
      Runs.await("all are reaped", () -> before.containsAll(ProcView.children()));
    }
  }

  @Test
  void aDaemonWhoseFirstThreadHasEnded() throws Exception {
    Tool.require("python3", "LeftBehindTest.aDaemonWhoseFirstThreadHasEnded");
    String program =
        """
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.setsid()
                threading.Thread(target=time.sleep, args=(1000,)).start()
                for fd in (0, 2): os.close(fd)
                os.write(1, b'x')
                os.close(1)
                end_thread()
            os._exit(0)
        time.sleep(0.3)
        """;
    List<Integer> before = ProcView.children();
    try (NativeEngine engine = NativeEngine.open(NativeEngine.Ownership.OWN_PROCESS)) {
      Recorder recorder = Runs.run(engine, python(program));
      assertEquals("x", recorder.text(Stream.STDOUT));
      assertEquals(1, Runs.survivors(engine, recorder).total());
      assertEquals(1, Runs.clear(engine, recorder, LONG).total());
      Runs.await("it is reaped", () -> before.containsAll(ProcView.children()));
    }
  }

  @Test
  void oneThatMovesOnAllTheTime() throws Exception {
    Tool.require("python3", "LeftBehindTest.oneThatMovesOnAllTheTime");
    String program =
        """
        if os.fork() == 0:
            for fd in (0, 1, 2): os.close(fd)
            while True:
                os.setsid()
                time.sleep(0.001)
                if os.fork() != 0: os._exit(0)
        time.sleep(0.1)
        """;
    List<Integer> before = ProcView.children();
    try (NativeEngine engine = NativeEngine.open(NativeEngine.Ownership.OWN_PROCESS)) {
      Recorder recorder = Runs.run(engine, python(program));
      assertTrue(Runs.clear(engine, recorder, Duration.ofMillis(1)).total() > 0);
      Runs.await("it is reaped", () -> before.containsAll(ProcView.children()));
    }
  }

  /** A kernel in which it takes for ever to read what one process was started with. */
  private static final class Hanging implements ProcessTable {
    private final ProcessTable table;
    private final AtomicInteger stuck = new AtomicInteger();
    private final CountDownLatch released = new CountDownLatch(1);

    private Hanging(ProcessTable table) {
      this.table = table;
    }

    private void hang(int pid) {
      if (pid == stuck.get()) {
        try {
          released.await();
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        }
      }
    }

    @Override
    public long tag(int pid) {
      hang(pid);
      return table.tag(pid);
    }

    @Override
    public String command(int pid) {
      hang(pid);
      return table.command(pid);
    }

    @Override
    public int[] pids() {
      return table.pids();
    }

    @Override
    public int session(int pid) {
      return table.session(pid);
    }

    @Override
    public int group(int pid) {
      return table.group(pid);
    }

    @Override
    public @Nullable ProcStat stat(int pid) {
      return table.stat(pid);
    }

    @Override
    public TreeProcess.@Nullable Stage stage(int pid, ProcStat stat) {
      return table.stage(pid, stat);
    }

    @Override
    public int @Nullable [] children(@Nullable StartThread thread) {
      return table.children(thread);
    }

    @Override
    public WaitId.@Nullable Exit look(int pid) {
      return table.look(pid);
    }

    @Override
    public WaitId.@Nullable Exit reap(int pid) {
      return table.reap(pid);
    }

    @Override
    public long ageNanos(ProcStat stat) {
      return table.ageNanos(stat);
    }

    @Override
    public long ticks() {
      return table.ticks();
    }

    @Override
    public int signalGroup(int group, dev.runnel.model.Signal signal) {
      return table.signalGroup(group, signal);
    }

    @Override
    public int open(int pid) {
      return table.open(pid);
    }

    @Override
    public int signal(int pidfd, dev.runnel.model.Signal signal) {
      return table.signal(pidfd, signal);
    }

    @Override
    public void close(int pidfd) {
      table.close(pidfd);
    }
  }

  @Test
  void aProcessThatCannotBeLookedIntoHoldsUpNoOtherJob() {
    Hanging[] hanging = new Hanging[1];
    List<Integer> before = ProcView.children();
    try (NativeEngine engine =
        NativeEngine.open(
            NativeEngine.Ownership.OWN_PROCESS,
            new EnvironmentTag("hanging"),
            EngineLimits.DEFAULT,
            table -> hanging[0] = new Hanging(table))) {
      // Out of its session and away from its parents: only its environment tells whose it is.
      String daemon = "setsid sh -c '(setsid sleep 7002 & echo $!)' 2>&1 </dev/null; sleep 1000";
      Recorder culprit = Runs.start(engine, Runs.shell(daemon));
      Runs.await("its number", () -> culprit.text(Stream.STDOUT).endsWith("\n"));
      int pid = Integer.parseInt(culprit.text(Stream.STDOUT).strip());
      hanging[0].stuck.set(pid);
      Recorder other = Runs.run(engine, Runs.shell("setsid sleep 7003" + CLOSED + " & exit 0"));
      assertEquals(1, Runs.clear(engine, other, LONG).total());
      assertEquals(List.of(), running("sleep\0" + "7003\0"));
      assertTrue(ProcView.isAlive(pid), "it was not touched");
      hanging[0].released.countDown();
      Runs.clear(engine, culprit, Duration.ZERO);
      Runs.await("all are ended", () -> before.containsAll(ProcView.children()));
    }
  }
}
