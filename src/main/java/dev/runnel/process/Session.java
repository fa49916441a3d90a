package dev.runnel.process;

import dev.runnel.model.ExitStatus;
import dev.runnel.model.JobId;
import dev.runnel.model.Signal;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
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
final class Session {

  private final SpawnResult.Made made;
  private final String job;
  private final Pump pump;
  private final Census census;
  private final Witness witness;
  private final Poller.Watch exit;
  private Leader leader = Leader.RUNNING;
  private @Nullable Ladder ladder;

  /** Members that were found outside of the session, by pid. */
  private Map<Integer, Kin> outside = Map.of();

  private int questions;
  private boolean givenUp;
  private boolean killedByUs;

  private enum Leader {
    RUNNING,
    ZOMBIE,
    REAPED
  }

  /** Hears what becomes of it. */
  interface Witness {
    void exited(Wait.Exit exit);

    /** The leader is reaped, and the session empty or given up. */
    void over();
  }

  /**
   * Takes over the pidfd, unless it throws.
   *
   * @throws LibcException if the kernel has no room for another descriptor to wait for
   */
  Session(SpawnResult.Made made, JobId job, Pump pump, Census census, Witness witness) {
    this.made = made;
    this.job = job.value();
    this.pump = pump;
    this.census = census;
    this.witness = witness;
    this.exit = pump.poller().watch(made.pidfd(), Epoll.IN, _ -> leaderEnded());
    census.enter(this);
  }

  int pid() {
    return made.pid();
  }

  String job() {
    return job;
  }

  Map<Integer, Kin> outside() {
    return outside;
  }

  /** What a look found for which its members were asked for. */
  void know(Map<Integer, Kin> kin) {
    Map<Integer, Kin> ours = new HashMap<>();
    kin.forEach(
        (pid, known) -> {
          if (known.tree() == pid()) {
            ours.put(pid, known);
          }
        });
    outside = ours;
  }

  long begunNanos() {
    return made.begunNanos();
  }

  boolean isLeaderRunning() {
    return leader == Leader.RUNNING;
  }

  /** Its number may be somebody else's. */
  boolean isOver() {
    return leader == Leader.REAPED;
  }

  private void leaderEnded() {
    exit.end();
    Fd.close(made.pidfd());
    leader = Leader.ZOMBIE;
    // Asked before the leader is reaped: see above.
    boolean empty = census.isEmptyButForLeader(this);
    witness.exited(known(empty ? reap() : Wait.look(pid())));
    if (leader == Leader.REAPED) {
      witness.over();
    }
    if (ladder != null) {
      ladder.leaderEnded();
    } else {
      letGo();
    }
  }

  private Wait.@Nullable Exit reap() {
    leader = Leader.REAPED;
    census.leave(this);
    return Wait.reap(pid());
  }

  private void finish() {
    if (leader == Leader.ZOMBIE) {
      reap();
      witness.over();
    }
  }

  /** An invented success would be the worst answer: a signal that there is none of is none. */
  private Wait.Exit known(Wait.@Nullable Exit status) {
    if (status != null) {
      return status;
    }
    Trouble.report("exit status lost, somebody else reaped the process pid=" + pid());
    return new Wait.Exit(new ExitStatus.Signaled(0), null);
  }

  /** Whether there was anybody; a zombie counts until the session is known to be empty. */
  boolean signal(Signal signal) {
    killedByUs |= signal == Signal.KILL;
    return leader != Leader.REAPED && Pid.killGroup(pid(), signal.number()) == 0;
  }

  /** Signals those of the session who are in that group, wherever it leads. */
  void signalGroup(int group, Signal signal) {
    members(
        members ->
            members.stream()
                .filter(member -> Pid.group(member.pid()) == group)
                .forEach(member -> signal(member, signal)));
  }

  private void signal(Member member, Signal signal) {
    int pidfd = Pid.open(member.pid());
    if (pidfd >= 0) {
      // After the opening: if the number had got a new owner before it, that one is seen here.
      if (Pid.session(member.pid()) == pid()) {
        Pid.send(pidfd, signal.number());
      }
      Fd.close(pidfd);
    }
  }

  /** Whether we have sent KILL, of our own accord or as we were asked to. */
  boolean isKilledByUs() {
    return killedByUs || (ladder != null && ladder.isKilling());
  }

  /** What asks it to end, in this order. A shell at a terminal takes no notice of TERM. */
  List<Signal> farewell() {
    return made.pipes().kind() == Pipes.Kind.TERMINAL
        ? List.of(Signal.HUP, Signal.TERM, Signal.CONT)
        : List.of(Signal.TERM, Signal.CONT);
  }

  /**
   * A shell that is told to hang up between its prompt and its read thinks of it only when the next
   * signal interrupts the read. This one asks nothing of anybody but to look at the screen's size.
   */
  void wakeLeader() {
    if (leader == Leader.RUNNING && made.pipes().kind() == Pipes.Kind.TERMINAL) {
      Pid.send(made.pidfd(), Signal.WINCH.number());
    }
  }

  /** Who is there besides the leader. */
  void members(Consumer<List<Member>> answer) {
    ask(census::members, answer);
  }

  /** The same, and kills them; the leader is left to the caller. */
  void roundUp(Consumer<List<Member>> answer) {
    ask(census::roundUp, answer);
  }

  private void ask(
      BiConsumer<Session, Consumer<List<Member>>> question, Consumer<List<Member>> answer) {
    if (leader == Leader.REAPED) {
      answer.accept(List.of());
      return;
    }
    questions++;
    question.accept(
        this,
        members -> {
          questions--;
          if (ladder == null && members.stream().allMatch(Member::isLeaving)) {
            finish();
          }
          letGo();
          // Once it is over, the number may have had a new owner already when we looked.
          answer.accept(leader == Leader.REAPED ? List.of() : members);
        });
  }

  void clear(Duration grace, Consumer<OsProcess.Survivors> answer) {
    if (leader == Leader.REAPED) {
      answer.accept(OsProcess.Survivors.NONE);
      return;
    }
    if (ladder == null) {
      ladder = new Ladder(this, pump, this::cleared);
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
    if (leader == Leader.ZOMBIE && ladder == null && census.isEmptyButForLeader(this)) {
      finish();
    }
  }

  /** Once the leader has ended, nobody will ask for those it left: they are to live on. */
  void giveUp() {
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
