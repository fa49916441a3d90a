package dev.runnel.process.tree;

import static java.util.concurrent.TimeUnit.MILLISECONDS;

import dev.runnel.model.Signal;
import dev.runnel.process.proc.EnvironmentTag;
import dev.runnel.process.proc.GuardedReads;
import dev.runnel.process.proc.KernelTable;
import dev.runnel.process.proc.ProcStat;
import dev.runnel.process.proc.ProcessTable;
import dev.runnel.process.proc.TreeMembership;
import dev.runnel.process.proc.TreeProcess;
import dev.runnel.process.proc.UnrelatedPids;
import dev.runnel.process.spawn.SessionLeaders;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What a {@link Watchdog} becomes when its engine is gone: a JVM that ends the engine's trees. */
public final class WatchdogProgram {
  private static final Duration GRACE = Duration.ofSeconds(1);
  private static final Duration LIMIT = Duration.ofSeconds(30);
  private static final Duration PAUSE = Duration.ofMillis(20);

  /** Looks in a row that find nobody. */
  private static final int ENOUGH = 2;

  private static final Set<Long> ALL = Set.of(TreeMembership.STRAY);

  /** The descriptor from which {@link SessionLeaders} are read. */
  static final int LEADERS = 3;

  private final ProcessTable table;
  private final Set<Long> kept;
  private final List<SessionLeaders.Leader> leaders;
  private final ScanThreads sweepers = new ScanThreads();
  private final long begunNanos = System.nanoTime();

  /** Processes in which a look hangs, when each started by its number. */
  private final Map<Integer, Long> leftOut = new ConcurrentHashMap<>();

  /** The sweeper's own; a new one after a look was left behind. */
  private UnrelatedPids strangers = new UnrelatedPids();

  private WatchdogProgram(ProcessTable table, Set<Long> kept, List<SessionLeaders.Leader> leaders) {
    this.table = table;
    this.kept = kept;
    this.leaders = new ArrayList<>(leaders);
    this.leaders.removeIf(leader -> kept.contains(leader.tag()));
  }

  /**
   * @param arguments the engine's life, then the tags of runs that keep what they left
   */
  public static void main(String[] arguments) throws InterruptedException {
    Set<Long> kept =
        List.of(arguments).subList(1, arguments.length).stream()
            .map(Long::valueOf)
            .collect(Collectors.toSet());
    ProcessTable table = KernelTable.withoutChildren(new EnvironmentTag(arguments[0]));
    new WatchdogProgram(table, kept, SessionLeaders.read(LEADERS)).run();
  }

  private void run() throws InterruptedException {
    List<TreeProcess> left = look(Set.of());
    for (TreeProcess member : left) {
      table.signal(member.pid(), member.started(), Signal.TERM);
      table.signal(member.pid(), member.started(), Signal.CONT);
    }
    long askedNanos = System.nanoTime();
    // One look may miss somebody whose parent ended meanwhile.
    for (int empty = 0; empty < ENOUGH && !isOver(); empty = left.isEmpty() ? empty + 1 : 0) {
      Thread.sleep(PAUSE);
      boolean graceOver = System.nanoTime() - askedNanos > GRACE.toNanos();
      left = look(graceOver ? ALL : Set.of());
    }
  }

  /**
   * The commands, who carries the engine's mark, and who descends from them or shares their
   * session.
   */
  private List<TreeProcess> look(Set<Long> stopping) throws InterruptedException {
    List<TreeProcess> found = null;
    while (found == null && !isOver()) {
      Look look = new Look(view(stopping));
      sweepers.execute(look);
      found = look.await();
    }
    return found == null ? List.of() : found;
  }

  private boolean isOver() {
    return System.nanoTime() - begunNanos > LIMIT.toNanos();
  }

  private ProcScan.View view(Set<Long> stopping) {
    Map<Integer, TreeMembership> alive = new HashMap<>();
    Map<Integer, Long> gone = new HashMap<>();
    Set<Integer> sessions = sessions();
    for (SessionLeaders.Leader leader : List.copyOf(leaders)) {
      int pid = leader.pid();
      ProcStat stat = table.stat(pid);
      boolean isAlive = stat != null && !(stat.isDead() && stat.threads() <= 1);
      boolean isOther = stat != null && stat.started() > leader.seenTicks();
      boolean leads = leader.tag() == TreeMembership.STRAY || table.session(pid) == pid;
      if (stat != null && isAlive && !isOther && leads) {
        alive.put(pid, new TreeMembership(TreeMembership.STRAY, stat.started()));
      } else if (!isAlive && !isOther && sessions.contains(pid)) {
        // As long as they are in it, its number gets no new owner.
        gone.put(pid, TreeMembership.STRAY);
      } else {
        leaders.remove(leader);
      }
    }
    return new ProcScan.View(gone, ALL, stopping, alive, Set.of(), kept);
  }

  /** On a thread of its own, as a process that hangs in the kernel may make it hang, too. */
  private final class Look implements Runnable {
    private final ProcScan.View view;
    private final UnrelatedPids known = strangers;
    private final CompletableFuture<List<TreeProcess>> found = new CompletableFuture<>();
    private final GuardedReads reads =
        new GuardedReads(
            table,
            leftOut,
            sweepers.isLast() ? GuardedReads.Depth.NOTHING_THAT_MAY_HANG : GuardedReads.Depth.ALL);

    private Look(ProcScan.View view) {
      this.view = view;
    }

    @Override
    public void run() {
      try {
        found.complete(
            new FreezeAndKill(reads, System::nanoTime, now -> new ProcScan(now, reads, known).run())
                .run(view, Set.of())
                .of(TreeMembership.STRAY));
      } catch (Throwable thrown) {
        found.completeExceptionally(thrown);
      }
    }

    /** Null: it failed, or hangs in a process that the next one leaves out. */
    private @Nullable List<TreeProcess> await() throws InterruptedException {
      while (true) {
        try {
          return found.get(PAUSE.toMillis(), MILLISECONDS);
        } catch (ExecutionException failed) {
          Thread.sleep(PAUSE);
          return null;
        } catch (TimeoutException waits) {
          GuardedReads.Reading hung = reads.hung(System.nanoTime());
          if (hung != null) {
            leftOut.put(hung.pid(), hung.started());
            strangers = new UnrelatedPids();
            sweepers.hung();
            return null;
          }
        }
      }
    }
  }

  /** In which there is anybody. */
  private Set<Integer> sessions() {
    return Arrays.stream(table.pids()).mapToObj(table::session).collect(Collectors.toSet());
  }
}
