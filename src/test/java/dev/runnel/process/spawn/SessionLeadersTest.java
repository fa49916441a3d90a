package dev.runnel.process.spawn;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.process.engine.Runs;
import dev.runnel.process.proc.ProcFiles;
import dev.runnel.process.proc.ProcView;
import dev.runnel.process.spawn.SessionLeaders.Leader;
import dev.runnel.process.sys.Fd;
import dev.runnel.process.sys.Pid;
import dev.runnel.process.tree.WatchdogProgram;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands that a watchdog finds by their numbers. */
@Tag("also-root")
class SessionLeadersTest {
  private static final int MOST_PIDS = 1 << 22;
  private static final int PLACES = 1 << 14;

  @Test
  void tellsThoseThatAreThere() {
    SessionLeaders leaders = SessionLeaders.open();
    long before = Pid.ticksSinceBoot();
    int first = leaders.add(1, 17);
    int second = leaders.add(MOST_PIDS - 1, Long.MAX_VALUE);
    leaders.remove(first);
    List<Leader> read = SessionLeaders.read(leaders.descriptor());
    assertEquals(1, read.size());
    assertEquals(MOST_PIDS - 1, read.getFirst().pid());
    assertEquals(Long.MAX_VALUE, read.getFirst().tag());
    assertTrue(read.getFirst().seenTicks() >= before);
    assertTrue(read.getFirst().seenTicks() <= Pid.ticksSinceBoot());
    leaders.remove(second);
    assertEquals(List.of(), SessionLeaders.read(leaders.descriptor()));
    leaders.close();
  }

  @Test
  void hasNoPlaceForMoreThanFit() {
    SessionLeaders leaders = SessionLeaders.open();
    for (int i = 0; i < PLACES; i++) {
      assertEquals(i, leaders.add(i + 1, i + 1));
    }
    assertEquals(SessionLeaders.NONE, leaders.add(PLACES + 1, 1));
    assertEquals(PLACES, SessionLeaders.read(leaders.descriptor()).size());
    leaders.remove(PLACES / 2);
    assertEquals(PLACES / 2, leaders.add(PLACES + 1, 1));
    leaders.close();
  }

  @Test
  void readsNothingFromWhatIsNone() throws Exception {
    int none = Fd.open("/dev/null".getBytes(UTF_8), Fd.O_RDONLY);
    assertEquals(List.of(), SessionLeaders.read(none));
    Fd.close(none);
    assertEquals(List.of(), SessionLeaders.read(none));
  }

  /** In a session of its own, away from this test's, and known to nobody else. */
  private static Process sleeper() throws Exception {
    return new ProcessBuilder("setsid", "sleep", "1000").start();
  }

  private static byte[] table(List<Leader> leaders) {
    ByteBuffer table = ByteBuffer.allocate(16 * leaders.size()).order(ByteOrder.nativeOrder());
    for (Leader leader : leaders) {
      table.putLong(leader.seenTicks() << 22 | leader.pid()).putLong(leader.tag());
    }
    return table.array();
  }

  @Test
  void whoHasGotTheNumberSinceIsSpared(@TempDir Path folder) throws Exception {
    Process leader = sleeper();
    Process later = sleeper();
    Process kept = sleeper();
    // Who does not lead a session is no command.
    Process parent = new ProcessBuilder("setsid", "sh", "-c", "sleep 1000 & echo $!; wait").start();
    int child = Integer.parseInt(parent.inputReader().readLine());
    try {
      List<Leader> leaders =
          List.of(
              new Leader((int) leader.pid(), started(leader), 1),
              new Leader((int) later.pid(), started(later) - 1, 2),
              new Leader((int) kept.pid(), started(kept), 3),
              new Leader(child, ProcFiles.started(child), 4));
      endAll(Files.write(folder.resolve("leaders"), table(leaders)), 3);
      Runs.await("end of the leader", () -> !leader.isAlive());
      assertTrue(later.isAlive());
      assertTrue(kept.isAlive());
      assertTrue(ProcView.isAlive(child));
    } finally {
      List.of(leader, later, kept, parent).forEach(Process::destroyForcibly);
      ProcessHandle.of(child).ifPresent(ProcessHandle::destroyForcibly);
    }
  }

  private static long started(Process process) {
    int pid = (int) process.pid();
    Runs.await("a session", () -> Pid.session(pid) == pid);
    return ProcFiles.started(pid);
  }

  private static void endAll(Path leaders, long kept) throws Exception {
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    Process watchdog =
        new ProcessBuilder(
                "sh",
                "-c",
                "exec \"$@\" 3<\"$0\"",
                leaders.toString(),
                java,
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                WatchdogProgram.class.getName(),
                UUID.randomUUID().toString(),
                "" + kept)
            .inheritIO()
            .start();
    assertEquals(0, watchdog.waitFor());
  }
}
