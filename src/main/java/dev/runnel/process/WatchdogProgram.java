package dev.runnel.process;

import static java.util.concurrent.TimeUnit.MILLISECONDS;

import dev.runnel.model.Signal;
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
final class WatchdogProgram {
  private static final Duration GRACE = Duration.ofSeconds(1);
  private static final Duration LIMIT = Duration.ofSeconds(30);
  private static final Duration PAUSE = Duration.ofMillis(20);

  /** Looks in a row that find nobody. */
  private static final int ENOUGH = 2;

  private static final Set<Long> ALL = Set.of(Kin.STRAY);

  /** The descriptor from which {@link Leaders} are read. */
  static final int LEADERS = 3;

  private final ProcessTable table;
  private final Set<Long> kept;
  private final List<Leaders.Leader> leaders;
  private final Sweepers sweepers = new Sweepers();
  private final long begunNanos = System.nanoTime();

  /** Processes in which a look hangs, when each started by its number. */
  private final Map<Integer, Long> leftOut = new ConcurrentHashMap<>();

  /** The sweeper's own; a new one after a look was left behind. */
  private Strangers strangers = new Strangers();

  private WatchdogProgram(ProcessTable table, Set<Long> kept, List<Leaders.Leader> leaders) {
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
    ProcessTable table = KernelTable.withoutChildren(new Mark(arguments[0]));
    new WatchdogProgram(table, kept, Leaders.read(LEADERS)).run();
  }

  private void run() throws InterruptedException {
    List<Member> left = look(Set.of());
    for (Member member : left) {
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
  private List<Member> look(Set<Long> stopping) throws InterruptedException {
    List<Member> found = null;
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

  private Sweep.View view(Set<Long> stopping) {
    Map<Integer, Kin> alive = new HashMap<>();
    Map<Integer, Long> gone = new HashMap<>();
    Set<Integer> sessions = sessions();
    for (Leaders.Leader leader : List.copyOf(leaders)) {
      int pid = leader.pid();
      ThreadStat stat = table.stat(pid);
      boolean isAlive = stat != null && !(stat.isDead() && stat.threads() <= 1);
      boolean isOther = stat != null && stat.started() > leader.seenTicks();
      boolean leads = leader.tag() == Kin.STRAY || table.session(pid) == pid;
      if (stat != null && isAlive && !isOther && leads) {
        alive.put(pid, new Kin(Kin.STRAY, stat.started()));
      } else if (!isAlive && !isOther && sessions.contains(pid)) {
        // As long as they are in it, its number gets no new owner.
        gone.put(pid, Kin.STRAY);
      } else {
        leaders.remove(leader);
      }
    }
    return new Sweep.View(gone, ALL, stopping, alive, Set.of(), kept);
  }

  /** On a thread of its own, as a process that hangs in the kernel may make it hang, too. */
  private final class Look implements Runnable {
    private final Sweep.View view;
    private final Strangers known = strangers;
    private final CompletableFuture<List<Member>> found = new CompletableFuture<>();
    private final GuardedReads reads =
        new GuardedReads(
            table,
            leftOut,
            sweepers.isLast() ? GuardedReads.Depth.NOTHING_THAT_MAY_HANG : GuardedReads.Depth.ALL);

    private Look(Sweep.View view) {
      this.view = view;
    }

    @Override
    public void run() {
      try {
        found.complete(
            new RoundUp(reads, System::nanoTime, now -> new Sweep(now, reads, known).run())
                .run(view, Set.of())
                .of(Kin.STRAY));
      } catch (Throwable thrown) {
        found.completeExceptionally(thrown);
      }
    }

    /** Null: it failed, or hangs in a process that the next one leaves out. */
    private @Nullable List<Member> await() throws InterruptedException {
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
            strangers = new Strangers();
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
