package dev.runnel.process;

import dev.runnel.model.Signal;
import java.time.Duration;
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

  private final ProcessTable table;
  private final Set<Long> kept;
  private final Strangers strangers = new Strangers();

  private WatchdogProgram(ProcessTable table, Set<Long> kept) {
    this.table = table;
    this.kept = kept;
  }

  /**
   * @param arguments the engine's boot, then the tags of runs that keep what they left
   */
  public static void main(String[] arguments) throws InterruptedException {
    Set<Long> kept =
        List.of(arguments).subList(1, arguments.length).stream()
            .map(Long::valueOf)
            .collect(Collectors.toSet());
    new WatchdogProgram(KernelTable.withoutChildren(new Mark(arguments[0])), kept).run();
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

  /** Who carries the engine's mark, and who descends from them or shares their session. */
  private List<Member> look(Set<Long> stopping) {
    Sweep.View view = new Sweep.View(Map.of(), ALL, stopping, Map.of(), Set.of(), kept);
    return new RoundUp(table, System::nanoTime, this::look).run(view).of(Kin.STRAY);
  }

  private Sweep.Found look(Sweep.View view) {
    return new Sweep(view, GuardedReads.unwatched(table), strangers).run();
  }
}
