package dev.runnel.process.tree;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.Signal;
import dev.runnel.process.proc.GuardedReads;
import dev.runnel.process.proc.ProcStat;
import dev.runnel.process.proc.ProcessTable;
import dev.runnel.process.proc.StartThread;
import dev.runnel.process.proc.TreeProcess;
import dev.runnel.process.sys.WaitId;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Trees that make children for as long as any of them runs. */
class FreezeAndKillTest {
  private static final long TREE = 7;
  private static final long STARTED = 5;
  private static final int FIRST_PID = 10;
  private static final long LOOK_NANOS = 100_000_000;
  private static final ProcScan.View VIEW =
      new ProcScan.View(Map.of(), Set.of(TREE), Set.of(TREE), Map.of(), Set.of(), Set.of());

  private final Table table = new Table();
  private long nanos;
  private int count = 1;

  /** So many are there in the end. */
  private int most = Integer.MAX_VALUE;

  private boolean areImmune;

  private ProcScan.Found run(Set<Long> patient) {
    GuardedReads reads = new GuardedReads(table, new ConcurrentHashMap<>(), GuardedReads.Depth.ALL);
    return new FreezeAndKill(reads, () -> nanos, _ -> look()).run(VIEW, patient);
  }

  // Each finds one more.
  private ProcScan.Found look() {
    nanos += LOOK_NANOS;
    count = Math.min(count + 1, most);
    List<TreeProcess> members = new ArrayList<>();
    Set<Integer> immune = new HashSet<>();
    for (int i = 0; i < count; i++) {
      members.add(new TreeProcess(FIRST_PID + i, STARTED, "", TreeProcess.Stage.RUNNING));
      if (areImmune) {
        immune.add(FIRST_PID + i);
      }
    }
    return new ProcScan.Found(Map.of(TREE, members), Map.of(), immune, false);
  }

  private List<Integer> everybody() {
    return IntStream.range(FIRST_PID, FIRST_PID + count).boxed().toList();
  }

  @Test
  void nobodyIsKilledWhileThereAreEverMore() {
    ProcScan.Found found = run(Set.of(TREE));
    assertEquals(count, found.of(TREE).size());
    assertTrue(found.of(TREE).stream().allMatch(TreeProcess::isStopped));
    assertEquals(List.of(), table.killed);
  }

  @Test
  void allAreKilledOnceALookFindsNobodyNew() {
    most = 4;
    ProcScan.Found found = run(Set.of(TREE));
    assertEquals(4, found.of(TREE).size());
    assertTrue(found.of(TREE).stream().noneMatch(TreeProcess::isStopped));
    assertEquals(everybody(), table.killed.reversed(), "children first");
  }

  @Test
  void whoCannotWaitKillsThoseFoundSoFar() {
    run(Set.of());
    assertTrue(count > 2);
    assertEquals(everybody(), table.killed.reversed());
  }

  @Test
  void nobodyWaitsForThoseWhoCannotBeStopped() {
    areImmune = true;
    run(Set.of(TREE));
    assertEquals(everybody(), table.killed.reversed());
  }

  /** Nothing but signals to processes of whom each is there. */
  private static final class Table implements ProcessTable {
    private final List<Integer> killed = new ArrayList<>();

    @Override
    public ProcStat stat(int pid) {
      return new ProcStat("bomb", 'T', 1, 0, 1, STARTED, 0, 2, 2, 2);
    }

    @Override
    public String command(int pid) {
      return "bomb";
    }

    @Override
    public int open(int pid) {
      return pid;
    }

    @Override
    public int signal(int pidfd, Signal signal) {
      if (signal == Signal.KILL) {
        killed.add(pidfd);
      }
      return 0;
    }

    @Override
    public void close(int pidfd) {
      // None was opened.
    }

    @Override
    public int[] pids() {
      throw new UnsupportedOperationException();
    }

    @Override
    public int session(int pid) {
      throw new UnsupportedOperationException();
    }

    @Override
    public int group(int pid) {
      throw new UnsupportedOperationException();
    }

    @Override
    public TreeProcess.@Nullable Stage stage(int pid, ProcStat stat) {
      throw new UnsupportedOperationException();
    }

    @Override
    public long tag(int pid) {
      throw new UnsupportedOperationException();
    }

    @Override
    public int @Nullable [] children(@Nullable StartThread thread) {
      throw new UnsupportedOperationException();
    }

    @Override
    public WaitId.@Nullable Exit look(int pid) {
      throw new UnsupportedOperationException();
    }

    @Override
    public WaitId.@Nullable Exit reap(int pid) {
      throw new UnsupportedOperationException();
    }

    @Override
    public long ageNanos(ProcStat stat) {
      throw new UnsupportedOperationException();
    }

    @Override
    public long ticks() {
      throw new UnsupportedOperationException();
    }

    @Override
    public int signalGroup(int group, Signal signal) {
      throw new UnsupportedOperationException();
    }
  }
}
