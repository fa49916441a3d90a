package dev.runnel.process;

import static dev.runnel.model.End.MAX_LEFTOVERS;

import dev.runnel.model.Leftover;
import dev.runnel.model.Signal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Ends a session: TERM and CONT to everybody, after the grace KILL, until a look finds nobody. The
 * pump's own.
 *
 * <p>TERM goes once to each who is there at the beginning: some take a second one as an order to
 * drop everything, and what they start in order to clean up is left alone during the grace.
 */
final class Ladder {
  /** How long after its leader's end a member must live to count as having outlived it. */
  private static final Duration SETTLE = Duration.ofMillis(50);

  private static final Duration FIRST_PAUSE = Duration.ofMillis(10);
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(1);

  /** What is left so long after the first KILL is beyond signals. */
  private static final Duration KILL_PATIENCE = Duration.ofSeconds(5);

  private final Session session;
  private final Pump pump;
  private final Targets targets;
  private final Consumer<Boolean> onEnd;
  private final List<Consumer<OsProcess.Survivors>> answers = new ArrayList<>();

  /** Who outlived the leader, gone since or not. */
  private final Map<Integer, Member> outlived = new LinkedHashMap<>();

  private Stage stage = Stage.NEW;
  private ProcessEngine.@Nullable Timer killTimer;
  private ProcessEngine.@Nullable Timer lookTimer;

  /** When KILL is due, or was sent first. */
  private long killNanos;

  private Duration pause = FIRST_PAUSE;
  private boolean looking;
  private boolean lookAgain;
  private int looks;
  private boolean settled;
  private boolean struck;

  private enum Stage {
    NEW,
    TERM,
    KILL,
    ENDED
  }

  /**
   * @param onEnd told whether the session is empty, before the answers
   */
  Ladder(Session session, Pump pump, Consumer<Boolean> onEnd) {
    this.session = session;
    this.pump = pump;
    this.targets = new Targets(session, pump.poller(), this::look);
    this.onEnd = onEnd;
    this.settled = !session.isLeaderRunning();
  }

  /** Begins, or hurries if it has begun. */
  void descend(Duration grace, Consumer<OsProcess.Survivors> answer) {
    answers.add(answer);
    long wanted = System.nanoTime() + Pump.nanos(grace);
    if (stage == Stage.KILL || (stage == Stage.TERM && wanted - killNanos >= 0)) {
      return;
    }
    cancel(killTimer);
    killNanos = wanted;
    killTimer = pump.schedule(grace, this::kill);
    if (stage == Stage.NEW) {
      begin(grace.isZero() ? Stage.KILL : Stage.TERM);
    } else if (grace.isZero()) {
      kill();
    }
  }

  private void begin(Stage first) {
    stage = first;
    // Who outlived the leader is counted before the first of them falls.
    if (!settled) {
      strike();
    }
    look();
  }

  private void kill() {
    if (stage == Stage.TERM) {
      stage = Stage.KILL;
      killNanos = System.nanoTime();
      pause = FIRST_PAUSE;
      looks = 0;
      if (struck) {
        strike();
        targets.send(Signal.KILL);
      }
      look();
    }
  }

  private void strike() {
    struck = true;
    if (stage == Stage.KILL) {
      Pid.killGroup(session.pid(), Signal.KILL.number());
    } else {
      session.farewell().forEach(signal -> Pid.killGroup(session.pid(), signal.number()));
    }
  }

  void leaderEnded() {
    if (session.isOver()) {
      end(Set.of());
      return;
    }
    pump.schedule(
        SETTLE,
        () -> {
          settled = true;
          look();
        });
    if (targets.isEmpty()) {
      look();
    }
  }

  private void look() {
    if (stage == Stage.ENDED) {
      return;
    }
    lookAgain = looking;
    if (!looking) {
      looking = true;
      cancel(lookTimer);
      session.members(this::found);
    }
  }

  private void found(List<Member> members) {
    looking = false;
    if (stage == Stage.ENDED) {
      return;
    }
    looks++;
    if (settled) {
      members.stream()
          .filter(member -> !member.isLeaving())
          .forEach(member -> outlived.putIfAbsent(member.pid(), member));
    }
    boolean over = members.isEmpty() && !session.isLeaderRunning();
    if (over || isBeyondSignals()) {
      end(members.stream().map(Member::pid).collect(Collectors.toSet()));
      return;
    }
    if (!struck) {
      strike();
    }
    signal(members);
    lookOn();
  }

  private boolean isBeyondSignals() {
    long nanos = System.nanoTime() - killNanos;
    return stage == Stage.KILL && nanos > KILL_PATIENCE.toNanos();
  }

  private void signal(List<Member> members) {
    for (Member member : members) {
      if (stage == Stage.KILL) {
        targets.add(member, List.of(Signal.KILL));
      } else if (looks == 1 && Pid.group(member.pid()) != session.pid()) {
        targets.add(member, session.farewell());
      } else {
        targets.add(member, List.of());
      }
    }
  }

  private void lookOn() {
    if (lookAgain) {
      look();
    } else {
      lookTimer = pump.schedule(pause, this::look);
      Duration longer = pause.multipliedBy(2);
      pause = longer.compareTo(LONGEST_PAUSE) < 0 ? longer : LONGEST_PAUSE;
    }
  }

  private void end(Set<Integer> alive) {
    stage = Stage.ENDED;
    cancel(killTimer);
    cancel(lookTimer);
    targets.close();
    onEnd.accept(alive.isEmpty() && !session.isLeaderRunning());
    List<Leftover> leftovers = new ArrayList<>();
    outlived.forEach(
        (pid, member) -> leftovers.add(new Leftover(pid, member.command(), !alive.contains(pid))));
    OsProcess.Survivors survivors =
        new OsProcess.Survivors(
            leftovers.subList(0, Math.min(leftovers.size(), MAX_LEFTOVERS)), leftovers.size());
    answers.forEach(answer -> pump.run(() -> answer.accept(survivors)));
  }

  private static void cancel(ProcessEngine.@Nullable Timer timer) {
    if (timer != null) {
      timer.cancel();
    }
  }
}
