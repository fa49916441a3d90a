package dev.runnel.process.tree;

import static dev.runnel.model.End.MAX_LEFTOVERS;

import dev.runnel.model.Leftover;
import dev.runnel.model.Signal;
import dev.runnel.process.OsProcess;
import dev.runnel.process.ProcessEngine;
import dev.runnel.process.loop.LoopTasks;
import dev.runnel.process.loop.ProcessLoop;
import dev.runnel.process.proc.ProcStat;
import dev.runnel.process.proc.ProcessTable;
import dev.runnel.process.proc.TreeProcess;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Ends a tree: TERM and CONT to everybody, after the grace KILL, until a look finds nobody. The
 * pump's own.
 *
 * <p>A look comes before each of the two: when those fall who are in the leader's group, it can't
 * be told any more whose children they leave, unless these carry a mark.
 *
 * <p>TERM goes once to each who is there at the beginning, also if a later look finds it first:
 * some take a second one as an order to drop everything, and what they start in order to clean up
 * is left alone during the grace.
 */
final class TerminationSequence {
  /** How long after its leader's end a member must live to count as having outlived it. */
  private static final Duration SETTLE = Duration.ofMillis(50);

  /** For the first look: signals go to those who are known by then. */
  private static final Duration LOOK_PATIENCE = Duration.ofSeconds(3);

  private static final Duration FIRST_PAUSE = Duration.ofMillis(10);
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(1);

  /** If KILL was sent and for so long nobody else was found, those who are left are beyond it. */
  private static final Duration KILL_PATIENCE = Duration.ofSeconds(5);

  /**
   * So long nobody is killed while there are ever more: what is stopped makes nothing, and what is
   * killed makes room for more.
   */
  private static final Duration STOPPING = Duration.ofSeconds(30);

  /** Whatever is found. */
  private static final Duration LONGEST_KILLING = Duration.ofMinutes(1);

  private final Session session;
  private final LoopTasks loop;
  private final ProcessTable table;
  private final PidfdSet targets;
  private final Consumer<Boolean> onEnd;
  private final List<Consumer<OsProcess.Survivors>> answers = new ArrayList<>();

  /** Who outlived the leader, gone since or not. */
  private final Map<Integer, TreeProcess> outlived = new LinkedHashMap<>();

  private Stage stage = Stage.NEW;
  private ProcessEngine.@Nullable Timer killTimer;
  private ProcessEngine.@Nullable Timer lookTimer;
  private ProcessEngine.@Nullable Timer strikeTimer;

  /** When KILL is due, or was sent first. */
  private long killNanos;

  /** When last somebody was found who had not been found before. */
  private long grownNanos;

  private Set<Integer> found = Set.of();

  /** When TERM was sent, as in {@link ProcStat}, and the pids that it was sent to. */
  private long askedTicks;

  private final Set<Integer> asked = new HashSet<>();

  private Duration pause = FIRST_PAUSE;

  /** The stage that a look is under way for; null: there is none. */
  private @Nullable Stage lookingFor;

  private boolean lookAgain;
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
  TerminationSequence(
      Session session, LoopTasks loop, ProcessTable table, Consumer<Boolean> onEnd) {
    this.session = session;
    this.loop = loop;
    this.table = table;
    this.targets = new PidfdSet(loop, table, this::look);
    this.onEnd = onEnd;
    this.settled = !session.isLeaderRunning();
  }

  /** Begins, or hurries if it has begun. */
  void descend(Duration grace, Consumer<OsProcess.Survivors> answer) {
    answers.add(answer);
    long wanted = loop.nanoTime() + ProcessLoop.nanos(grace);
    if (stage == Stage.KILL || (stage == Stage.TERM && wanted - killNanos >= 0)) {
      return;
    }
    cancel(killTimer);
    killNanos = wanted;
    killTimer = loop.schedule(grace, this::kill);
    if (stage == Stage.NEW) {
      begin(grace.isZero() ? Stage.KILL : Stage.TERM);
    } else if (grace.isZero()) {
      kill();
    }
  }

  /** Whether KILL is due, or sent. */
  boolean isKilling() {
    return stage == Stage.KILL;
  }

  private void begin(Stage first) {
    stage = first;
    grownNanos = loop.nanoTime();
    lookThenStrike();
  }

  private void kill() {
    if (stage == Stage.TERM) {
      stage = Stage.KILL;
      killNanos = loop.nanoTime();
      grownNanos = killNanos;
      pause = FIRST_PAUSE;
      struck = false;
      lookThenStrike();
    }
  }

  private void lookThenStrike() {
    if (stage == Stage.KILL) {
      table.signalGroup(session.pid(), Signal.STOP);
    }
    strikeLater();
    look();
  }

  private void strikeLater() {
    cancel(strikeTimer);
    strikeTimer = loop.schedule(LOOK_PATIENCE, this::strike);
  }

  private void strike() {
    struck = true;
    cancel(strikeTimer);
    if (stage == Stage.KILL) {
      grownNanos = loop.nanoTime();
      table.signalGroup(session.pid(), Signal.KILL);
      targets.send(Signal.KILL);
    } else {
      askedTicks = table.ticks();
      session.farewell().forEach(signal -> table.signalGroup(session.pid(), signal));
    }
  }

  void leaderEnded() {
    if (session.isOver()) {
      end(Set.of());
      return;
    }
    loop.schedule(
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
    lookAgain = lookingFor == stage;
    // KILL does not wait for the look of TERM.
    if (!lookAgain) {
      lookingFor = stage;
      cancel(lookTimer);
      if (stage == Stage.KILL) {
        boolean isPatient = loop.nanoTime() - killNanos < STOPPING.toNanos();
        session.roundUp(isPatient, members -> looked(members, Stage.KILL));
      } else {
        session.members(members -> looked(members, Stage.TERM));
      }
    }
  }

  /**
   * @param asked the stage that the look was for
   */
  private void looked(List<TreeProcess> members, Stage asked) {
    if (stage != asked) {
      return;
    }
    lookingFor = null;
    note(members);
    if (settled) {
      members.stream()
          .filter(member -> !member.isLeaving() && member.isIdentified())
          // They are found again, and named then.
          .filter(member -> !member.isStopped())
          .forEach(member -> outlived.putIfAbsent(member.pid(), member));
    }
    boolean over = members.isEmpty() && !session.isLeaderRunning();
    if (over || isBeyondSignals()) {
      end(found);
      return;
    }
    if (areMore(members)) {
      // Who is known so far waits for the others.
      strikeLater();
    } else {
      strikeOnce();
      signal(members);
    }
    if (stage == Stage.TERM) {
      session.wakeLeader();
    }
    lookOn();
  }

  private static boolean areMore(List<TreeProcess> members) {
    return members.stream().anyMatch(TreeProcess::isStopped);
  }

  private void strikeOnce() {
    if (!struck) {
      strike();
    }
  }

  private void note(List<TreeProcess> members) {
    Set<Integer> now = members.stream().map(TreeProcess::pid).collect(Collectors.toSet());
    if (!found.containsAll(now)) {
      grownNanos = loop.nanoTime();
    }
    found = now;
  }

  private boolean isBeyondSignals() {
    long now = loop.nanoTime();
    return stage == Stage.KILL
        && ((struck && now - grownNanos > KILL_PATIENCE.toNanos())
            || now - killNanos > LONGEST_KILLING.toNanos());
  }

  private void signal(List<TreeProcess> members) {
    for (TreeProcess member : members) {
      if (!member.isIdentified()) {
        continue;
      }
      if (stage == Stage.KILL) {
        targets.add(member, List.of(Signal.KILL));
      } else if (isToBeAsked(member)) {
        targets.add(member, session.farewell());
      } else {
        targets.add(member, List.of());
      }
    }
  }

  /** Once each, unless it began after the others were asked: then it may be there to clean up. */
  private boolean isToBeAsked(TreeProcess member) {
    return member.started() <= askedTicks
        && asked.add(member.pid())
        && table.group(member.pid()) != session.pid();
  }

  private void lookOn() {
    if (lookAgain) {
      look();
    } else {
      lookTimer = loop.schedule(pause, this::look);
      Duration longer = pause.multipliedBy(2);
      pause = longer.compareTo(LONGEST_PAUSE) < 0 ? longer : LONGEST_PAUSE;
    }
  }

  private void end(Set<Integer> alive) {
    stage = Stage.ENDED;
    cancel(killTimer);
    cancel(lookTimer);
    cancel(strikeTimer);
    targets.close();
    onEnd.accept(alive.isEmpty() && !session.isLeaderRunning());
    List<Leftover> leftovers = new ArrayList<>();
    outlived.forEach(
        (pid, member) -> leftovers.add(new Leftover(pid, member.command(), !alive.contains(pid))));
    OsProcess.Survivors survivors =
        new OsProcess.Survivors(
            leftovers.subList(0, Math.min(leftovers.size(), MAX_LEFTOVERS)), leftovers.size());
    answers.forEach(answer -> loop.run(() -> answer.accept(survivors)));
  }

  private static void cancel(ProcessEngine.@Nullable Timer timer) {
    if (timer != null) {
      timer.cancel();
    }
  }
}
