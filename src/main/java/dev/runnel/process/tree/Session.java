package dev.runnel.process.tree;

import dev.runnel.model.ExitStatus;
import dev.runnel.model.Signal;
import dev.runnel.process.OsProcess;
import dev.runnel.process.ProcessEngine;
import dev.runnel.process.loop.LoopTasks;
import dev.runnel.process.proc.ProcessTable;
import dev.runnel.process.proc.StartThread;
import dev.runnel.process.proc.TreeMembership;
import dev.runnel.process.proc.TreeProcess;
import dev.runnel.process.spawn.Pipes;
import dev.runnel.process.spawn.StartTags;
import dev.runnel.process.sys.EngineLog;
import dev.runnel.process.sys.LibcException;
import dev.runnel.process.sys.WaitId;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A process and its tree: everybody in the session it leads, and those of its descendants that left
 * that session. The pump's own.
 *
 * <p>How it is made sure that no signal ever hits a stranger: the leader, once it has ended, stays
 * a zombie until its tree is known to be empty or is given up. So long the kernel gives its number
 * to nobody else, neither as a pid nor as that of a group or a session: {@code kill(-pid)} reaches
 * only this session, and who has this session's number is a member. A single member is signalled
 * through a pidfd that was opened before it was looked at once more.
 */
public final class Session {

  /** For looks that fail, as without descriptors. */
  private static final Duration LOOK_PATIENCE = Duration.ofSeconds(15);

  /** For looks of which none is certain. */
  private static final Duration CERTAINTY_PATIENCE = Duration.ofSeconds(3);

  /** Where nothing is certain, and other processes of the system end all the time. */
  private static final int MAX_LOOKS_OF_A_GUEST = 5;

  private static final Duration FIRST_PAUSE = Duration.ofMillis(2);
  private static final Duration LONGEST_PAUSE = Duration.ofMillis(100);

  private final Command command;
  private final LoopTasks loop;
  private final ProcessTable table;
  private final ProcessTrees census;
  private final Witness witness;
  private final LoopTasks.Watch exit;
  private Leader leader = Leader.RUNNING;
  private @Nullable TerminationSequence ladder;

  /** Members that were found outside of the session, by pid. */
  private Map<Integer, TreeMembership> outside = Map.of();

  /** Orphans that were noticed later are not of this run, if bound. */
  private long coversUntilNanos;

  private boolean coversBound;
  private int questions;
  private boolean givenUp;
  private boolean killedByUs;

  private enum Leader {
    RUNNING,
    ZOMBIE,
    REAPED
  }

  /**
   * The process that leads it.
   *
   * @param pidfd for it; the session's from now on
   */
  public record Command(int pid, int pidfd, StartTags.Birth birth, Pipes.Kind pipes) {}

  /** Hears what becomes of it. */
  public interface Witness {
    void exited(WaitId.Exit exit);

    /** The leader is reaped, and the session empty or given up. */
    void over();
  }

  /**
   * Takes over the pidfd, unless it throws.
   *
   * @throws LibcException if the kernel has no room for another descriptor to wait for
   */
  public Session(
      Command command, LoopTasks loop, ProcessTable table, ProcessTrees census, Witness witness) {
    this.command = command;
    this.loop = loop;
    this.table = table;
    this.census = census;
    this.witness = witness;
    this.exit = loop.watch(command.pidfd(), this::leaderEnded);
    census.enter(this);
  }

  public int pid() {
    return command.pid();
  }

  /** As in {@link StartTags}. */
  long tag() {
    return command.birth().tag();
  }

  /** The thread that made its leader. */
  StartThread maker() {
    return command.birth().thread();
  }

  Map<Integer, TreeMembership> outside() {
    return outside;
  }

  /** What a look found for which its members were asked for. */
  void know(Map<Integer, TreeMembership> kin) {
    Map<Integer, TreeMembership> ours = new HashMap<>();
    kin.forEach(
        (pid, known) -> {
          if (known.tree() == tag()) {
            ours.put(pid, known);
          }
        });
    outside = ours;
  }

  long begunNanos() {
    return command.birth().begunNanos();
  }

  /** Whoever of its orphans is noticed later comes from one that was noticed before. */
  void bindCovers(long nanos) {
    if (leader == Leader.ZOMBIE && !coversBound) {
      coversBound = true;
      coversUntilNanos = nanos;
    }
  }

  void unbindCovers() {
    coversBound = false;
  }

  /** Whether an orphan that was noticed then is too late to be of this run. */
  boolean isTooLate(long nanos) {
    return coversBound && nanos - coversUntilNanos > 0;
  }

  boolean isLeaderRunning() {
    return leader == Leader.RUNNING;
  }

  /** Its number may be somebody else's. */
  public boolean isOver() {
    return leader == Leader.REAPED;
  }

  private void leaderEnded() {
    exit.end();
    table.close(command.pidfd());
    leader = Leader.ZOMBIE;
    // Asked before the leader is reaped: see above.
    boolean empty = census.isEmptyButForLeader(this);
    witness.exited(known(empty ? reap() : table.look(pid())));
    if (leader == Leader.REAPED) {
      witness.over();
    }
    if (ladder != null) {
      ladder.leaderEnded();
    } else {
      letGo();
    }
  }

  private WaitId.@Nullable Exit reap() {
    leader = Leader.REAPED;
    command.birth().over();
    census.leave(this);
    return table.reap(pid());
  }

  private void finish() {
    if (leader == Leader.ZOMBIE) {
      reap();
      witness.over();
    }
  }

  /** An invented success would be the worst answer: a signal that there is none of is none. */
  private WaitId.Exit known(WaitId.@Nullable Exit status) {
    if (status != null) {
      return status;
    }
    EngineLog.report("exit status lost, somebody else reaped the process pid=" + pid());
    return new WaitId.Exit(new ExitStatus.Signaled(0), null);
  }

  /** Whether there was anybody; a zombie counts until the session is known to be empty. */
  public boolean signal(Signal signal) {
    killedByUs |= signal == Signal.KILL;
    return leader != Leader.REAPED && table.signalGroup(pid(), signal) == 0;
  }

  /** Signals those of the session who are in that group, wherever it leads. */
  public void signalGroup(int group, Signal signal) {
    members(
        members ->
            members.stream()
                .filter(member -> table.group(member.pid()) == group)
                .forEach(member -> signal(member, signal)));
  }

  private void signal(TreeProcess member, Signal signal) {
    int pidfd = table.open(member.pid());
    if (pidfd >= 0) {
      // After the opening: if the number had got a new owner before it, that one is seen here.
      if (table.session(member.pid()) == pid()) {
        table.signal(pidfd, signal);
      }
      table.close(pidfd);
    }
  }

  /** Whether we have sent KILL, of our own accord or as we were asked to. */
  public boolean isKilledByUs() {
    return killedByUs || (ladder != null && ladder.isKilling());
  }

  /** What asks it to end, in this order. A shell at a terminal takes no notice of TERM. */
  List<Signal> farewell() {
    return command.pipes() == Pipes.Kind.TERMINAL
        ? List.of(Signal.HUP, Signal.TERM, Signal.CONT)
        : List.of(Signal.TERM, Signal.CONT);
  }

  /**
   * A shell that is told to hang up between its prompt and its read thinks of it only when the next
   * signal interrupts the read. This one asks nothing of anybody but to look at the screen's size.
   */
  void wakeLeader() {
    if (leader == Leader.RUNNING && command.pipes() == Pipes.Kind.TERMINAL) {
      table.signal(command.pidfd(), Signal.WINCH);
    }
  }

  /**
   * Who is there besides the leader. Once that has ended, nobody is an answer only if it is
   * certain: a look alone may miss one that moves on meanwhile.
   */
  public void members(Consumer<List<TreeProcess>> answer) {
    new Inquiry(ProcessTrees.Purpose.KNOW, answer).begin();
  }

  /**
   * The same, and kills them, as in {@link FreezeAndKill}; the leader is left to the caller.
   *
   * @param isPatient whether nobody is killed, and those found are told as stopped, while there are
   *     ever more
   */
  void roundUp(boolean isPatient, Consumer<List<TreeProcess>> answer) {
    new Inquiry(isPatient ? ProcessTrees.Purpose.STOP : ProcessTrees.Purpose.KILL, answer).begin();
  }

  /** One question, and as many looks as it takes. */
  private final class Inquiry {
    private final ProcessTrees.Purpose purpose;
    private final Consumer<List<TreeProcess>> answer;
    private Duration pause = FIRST_PAUSE;

    /** Found by the look before, all of them about to be gone; null: there was none. */
    private @Nullable Set<Integer> leavingBefore;

    private int looks;

    private ProcessEngine.@Nullable Timer patience;
    private final long begunNanos = loop.nanoTime();
    private boolean answered;

    private Inquiry(ProcessTrees.Purpose purpose, Consumer<List<TreeProcess>> answer) {
      this.purpose = purpose;
      this.answer = answer;
    }

    private void begin() {
      if (leader == Leader.REAPED) {
        answer.accept(List.of());
        return;
      }
      questions++;
      if (isEmpty()) {
        answer(List.of());
        return;
      }
      patience = loop.schedule(LOOK_PATIENCE, () -> answer(census.known(Session.this)));
      look();
    }

    private void look() {
      if (!answered) {
        census.members(Session.this, purpose, this::looked);
      }
    }

    private void looked(ProcessTrees.Answer found) {
      if (answered) {
        return;
      }
      List<TreeProcess> members = found.members();
      boolean isAnybodyStaying = members.stream().anyMatch(member -> !member.isLeaving());
      if (leader == Leader.RUNNING || isAnybodyStaying) {
        answer(members);
      } else if (isEmpty()) {
        answer(List.of());
      } else {
        lookOnceMore(members, found.vanished());
      }
    }

    /**
     * One that leaves makes no more children. Those that it made before the last look are found by
     * the one after it, if they have not become ours by then.
     */
    private void lookOnceMore(List<TreeProcess> leaving, boolean vanished) {
      Set<Integer> pids = leaving.stream().map(TreeProcess::pid).collect(Collectors.toSet());
      boolean isSame = leavingBefore != null && leavingBefore.containsAll(pids);
      looks++;
      boolean isCertain =
          census.isCertain()
              ? !pids.isEmpty() && census.isEmptyBut(Session.this, pids)
              : !vanished || looks >= MAX_LOOKS_OF_A_GUEST;
      if (isSame && isCertain) {
        answer(leaving);
        return;
      }
      if (loop.nanoTime() - begunNanos > CERTAINTY_PATIENCE.toNanos()) {
        answer(census.known(Session.this));
        return;
      }
      leavingBefore = pids;
      loop.schedule(pause, this::look);
      Duration longer = pause.multipliedBy(2);
      pause = longer.compareTo(LONGEST_PAUSE) < 0 ? longer : LONGEST_PAUSE;
    }

    private void answer(List<TreeProcess> members) {
      if (answered) {
        return;
      }
      answered = true;
      if (patience != null) {
        patience.cancel();
      }
      questions--;
      if (ladder == null && members.stream().allMatch(TreeProcess::isLeaving)) {
        finish();
      }
      letGo();
      // Once it is over, the number may have had a new owner already when we looked.
      answer.accept(leader == Leader.REAPED ? List.of() : members);
    }
  }

  private boolean isEmpty() {
    return leader == Leader.ZOMBIE && census.isEmptyButForLeader(this);
  }

  public void clear(Duration grace, Consumer<OsProcess.Survivors> answer) {
    if (leader == Leader.REAPED) {
      answer.accept(OsProcess.Survivors.NONE);
      return;
    }
    if (ladder == null) {
      ladder = new TerminationSequence(this, loop, table, this::cleared);
    }
    ladder.descend(grace, answer);
  }

  private void cleared(boolean empty) {
    ladder = null;
    if (empty) {
      finish();
    }
    letGo();
  }

  /** One of those that may have been the last of this session is gone. */
  void orphanEnded() {
    if (ladder == null && isEmpty()) {
      finish();
    }
  }

  /** Once the leader has ended, nobody will ask for those it left: they are to live on. */
  public void giveUp() {
    givenUp = true;
    letGo();
  }

  private void letGo() {
    if (givenUp && ladder == null && questions == 0 && leader == Leader.ZOMBIE) {
      census.keep(this);
      finish();
    }
  }
}
