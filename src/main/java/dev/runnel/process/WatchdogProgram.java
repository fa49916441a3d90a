package dev.runnel.process;

import dev.runnel.model.Signal;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What a {@link Watchdog} becomes when its engine is gone: a JVM that ends the engine's trees. */
final class WatchdogProgram {
  private static final Duration GRACE = Duration.ofSeconds(1);
  private static final Duration LIMIT = Duration.ofSeconds(30);
  private static final Duration PAUSE = Duration.ofMillis(20);
  private static final Set<Integer> ALL = Set.of(Kin.STRAY);

  private final Mark mark;
  private final Set<String> kept;
  private final Strangers strangers = new Strangers();

  private WatchdogProgram(Mark mark, Set<String> kept) {
    this.mark = mark;
    this.kept = kept;
  }

  /**
   * @param arguments the engine's boot, then the jobs that keep what they left
   */
  public static void main(String[] arguments) throws InterruptedException {
    List<String> jobs = List.of(arguments).subList(1, arguments.length);
    new WatchdogProgram(new Mark(arguments[0]), Set.copyOf(jobs)).run();
  }

  private void run() throws InterruptedException {
    List<Member> left = look(Set.of());
    for (Member member : left) {
      Pid.send(member.pid(), member.started(), Signal.TERM);
      Pid.send(member.pid(), member.started(), Signal.CONT);
    }
    long begunNanos = System.nanoTime();
    while (!left.isEmpty() && System.nanoTime() - begunNanos < LIMIT.toNanos()) {
      Thread.sleep(PAUSE);
      boolean graceOver = System.nanoTime() - begunNanos > GRACE.toNanos();
      left = look(graceOver ? ALL : Set.of());
    }
  }

  /** Who carries the engine's mark, and who descends from them or shares their session. */
  private List<Member> look(Set<Integer> stopping) {
    Sweep.View view = new Sweep.View(Map.of(), ALL, stopping, Map.of(), Set.of(), kept);
    return new RoundUp(now -> new Sweep(now, mark, strangers).run()).run(view).of(Kin.STRAY);
  }
}
