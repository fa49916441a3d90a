package dev.runnel.process;

import dev.runnel.model.Signal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** What a {@link Watchdog} becomes when its engine is gone: a JVM that ends the engine's trees. */
final class WatchdogProgram {
  private static final Duration GRACE = Duration.ofSeconds(1);
  private static final Duration LIMIT = Duration.ofSeconds(30);
  private static final Duration PAUSE = Duration.ofMillis(20);
  private static final Set<Long> ALL = Set.of(Kin.STRAY);

  /** The descriptor from which {@link Leaders} are read. */
  static final int LEADERS = 3;

  private final ProcessTable table;
  private final Set<Long> kept;
  private final List<Leaders.Leader> leaders;
  private final Strangers strangers = new Strangers();

  private WatchdogProgram(ProcessTable table, Set<Long> kept, List<Leaders.Leader> leaders) {
    this.table = table;
    this.kept = kept;
    this.leaders = new ArrayList<>(leaders);
    this.leaders.removeIf(leader -> kept.contains(leader.tag()));
  }

  /**
   * @param arguments the engine's boot, then the tags of runs that keep what they left
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
    long begunNanos = System.nanoTime();
    while (!left.isEmpty() && System.nanoTime() - begunNanos < LIMIT.toNanos()) {
      Thread.sleep(PAUSE);
      boolean graceOver = System.nanoTime() - begunNanos > GRACE.toNanos();
      left = look(graceOver ? ALL : Set.of());
    }
  }

  /**
   * The commands, who carries the engine's mark, and who descends from them or shares their
   * session.
   */
  private List<Member> look(Set<Long> stopping) {
    Map<Integer, Kin> alive = new HashMap<>();
    Map<Integer, Long> gone = new HashMap<>();
    Set<Integer> sessions = sessions();
    for (Leaders.Leader leader : List.copyOf(leaders)) {
      int pid = leader.pid();
      long started = table.started(pid);
      if (started >= 0 && started <= leader.seenTicks() && table.session(pid) == pid) {
        alive.put(pid, new Kin(Kin.STRAY, started));
      } else if (started < 0 && sessions.contains(pid)) {
        // As long as they are in it, its number gets no new owner.
        gone.put(pid, Kin.STRAY);
      } else {
        leaders.remove(leader);
      }
    }
    Sweep.View view = new Sweep.View(gone, ALL, stopping, alive, Set.of(), kept);
    return new RoundUp(GuardedReads.unwatched(table), System::nanoTime, this::look)
        .run(view)
        .of(Kin.STRAY);
  }

  /** In which there is anybody. */
  private Set<Integer> sessions() {
    return Arrays.stream(table.pids()).mapToObj(table::session).collect(Collectors.toSet());
  }

  private Sweep.Found look(Sweep.View view) {
    return new Sweep(view, GuardedReads.unwatched(table), strangers).run();
  }
}
