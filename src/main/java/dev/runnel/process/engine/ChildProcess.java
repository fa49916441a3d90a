package dev.runnel.process.engine;

import dev.runnel.model.End;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.Leftover;
import dev.runnel.model.Signal;
import dev.runnel.model.Stream;
import dev.runnel.model.TerminalSize;
import dev.runnel.process.OsProcess;
import dev.runnel.process.ProcessListener;
import dev.runnel.process.loop.Poller;
import dev.runnel.process.loop.ProcessLoop;
import dev.runnel.process.proc.ProcessTable;
import dev.runnel.process.proc.TreeProcess;
import dev.runnel.process.spawn.Pipes;
import dev.runnel.process.spawn.SpawnResult;
import dev.runnel.process.spawn.StartRequest;
import dev.runnel.process.sys.Fd;
import dev.runnel.process.sys.LibcException;
import dev.runnel.process.sys.OomKillCounter;
import dev.runnel.process.sys.PseudoTerminal;
import dev.runnel.process.sys.WaitId;
import dev.runnel.process.tree.ProcessTrees;
import dev.runnel.process.tree.Session;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A process, or what is left of it: its session, its pipes and its owner. The pump's own; forgotten
 * once the session is over and every pipe closed.
 */
final class ChildProcess implements OsProcess, OutputPipe.Sink, InputPipe.Source, Session.Witness {
  private static final int LOST_TRIES = 10;
  private static final Duration LOST_INTERVAL = Duration.ofSeconds(1);

  private final Surroundings surroundings;
  private final Session session;
  private final GuardedListener owner;
  private final List<OutputPipe> outputs = new ArrayList<>();
  private final @Nullable InputPipe input;
  private final long memoryKillsBefore;
  private int master;
  private boolean discarding;
  private boolean resting;

  /**
   * What processes share.
   *
   * @param nowhere where discarded output is read to
   * @param onGone for a process of which nothing is left
   */
  record Surroundings(
      ProcessLoop pump,
      ProcessTable table,
      ProcessTrees census,
      MemorySegment nowhere,
      OomKillCounter memoryKills,
      Consumer<ChildProcess> onGone) {}

  /**
   * Takes over what was made, unless it throws.
   *
   * @throws LibcException if the kernel has no room for more descriptors to wait for
   */
  ChildProcess(SpawnResult.Made made, StartRequest start, Surroundings surroundings) {
    this.surroundings = surroundings;
    this.memoryKillsBefore = start.memoryKills();
    this.owner = new GuardedListener(start.listener(), this::abandon);
    Poller poller = surroundings.pump.poller();
    Pipes pipes = made.pipes();
    Session.Command command =
        new Session.Command(made.pid(), made.pidfd(), made.birth(), pipes.kind());
    this.session =
        new Session(command, surroundings.pump, surroundings.table, surroundings.census, this);
    this.input =
        pipes.stdin() == Pipes.NONE
            ? null
            : new InputPipe(poller, pipes.stdin(), pipes.kind(), this);
    outputs.add(new OutputPipe(poller, pipes, Stream.STDOUT, this));
    if (pipes.stderr() != Pipes.NONE) {
      outputs.add(new OutputPipe(poller, pipes, Stream.STDERR, this));
    }
    this.master = pipes.hold();
  }

  /** Says that it runs, then begins to read. */
  void start() {
    owner.tell(listener -> listener.started(this));
    try {
      if (input != null) {
        input.watch();
      }
    } catch (LibcException noRoom) {
      owner.fail(noRoom);
    }
    if (!resting) {
      watchOutputs();
    }
  }

  private void watchOutputs() {
    try {
      outputs.forEach(OutputPipe::watch);
    } catch (LibcException noRoom) {
      owner.fail(noRoom);
    }
  }

  Session session() {
    return session;
  }

  @Override
  public int pid() {
    return session.pid();
  }

  @Override
  public void resumeOutput() {
    surroundings.pump.checkThread();
    if (resting) {
      resting = false;
      watchOutputs();
    }
  }

  @Override
  public void endOutput() {
    surroundings.pump.checkThread();
    outputs.forEach(OutputPipe::end);
  }

  @Override
  public void discardOutput() {
    surroundings.pump.checkThread();
    discarding = true;
    resumeOutput();
    session.giveUp();
  }

  @Override
  public void feed() {
    surroundings.pump.checkThread();
    if (input != null) {
      input.feed();
    }
  }

  @Override
  public void closeInput() {
    surroundings.pump.checkThread();
    if (input != null) {
      input.finish();
    }
  }

  @Override
  public boolean signal(Signal signal) {
    surroundings.pump.checkThread();
    if (hasTerminal()) {
      int foreground = PseudoTerminal.foreground(master);
      if (foreground > 0 && foreground != pid()) {
        session.signalGroup(foreground, signal);
      }
    }
    return session.signal(signal);
  }

  @Override
  public void resize(TerminalSize size) {
    surroundings.pump.checkThread();
    if (hasTerminal()) {
      PseudoTerminal.resize(master, size);
    }
  }

  private boolean hasTerminal() {
    return master != Pipes.NONE;
  }

  @Override
  public void survivors(Consumer<Survivors> answer) {
    surroundings.pump.checkThread();
    session.members(
        members -> {
          List<TreeProcess> staying = members.stream().filter(m -> !m.isLeaving()).toList();
          List<Leftover> listed =
              staying.stream()
                  .limit(End.MAX_LEFTOVERS)
                  .map(member -> new Leftover(member.pid(), member.command(), false))
                  .toList();
          answer.accept(new Survivors(listed, staying.size()));
        });
  }

  @Override
  public void clear(Duration grace, Consumer<Survivors> answer) {
    surroundings.pump.checkThread();
    session.clear(grace, answer);
  }

  // Cleared before it is let go: those that outlive a leader that has ended would live on.
  private void abandon() {
    clear(Duration.ZERO, _ -> tellLost(LOST_TRIES));
    discardOutput();
  }

  // Without it the job of this process would have no end: what failed may have been short of
  // memory.
  private void tellLost(int tries) {
    if (!owner.tellLast(ProcessListener::lost) && tries > 1) {
      surroundings.pump.schedule(LOST_INTERVAL, () -> tellLost(tries - 1));
    }
  }

  /** Closes what pipes are still open. */
  void closePipes() {
    endOutput();
    if (input != null) {
      input.close();
    }
    hangUp();
  }

  private void hangUp() {
    if (hasTerminal()) {
      Fd.close(master);
      master = Pipes.NONE;
    }
  }

  @Override
  public @Nullable MemorySegment reserve(Stream stream) {
    MemorySegment room = discarding ? surroundings.nowhere : owner.reserve(stream);
    if (room == null && discarding) {
      return surroundings.nowhere;
    }
    if (room == null) {
      resting = true;
      outputs.forEach(OutputPipe::rest);
    }
    return room;
  }

  @Override
  public void commit(Stream stream, int bytes) {
    if (!discarding) {
      owner.tell(listener -> listener.commit(stream, bytes));
    }
  }

  @Override
  public void outputClosed(Stream stream) {
    if (!discarding) {
      owner.tell(listener -> listener.outputClosed(stream));
    }
    checkGone();
  }

  @Override
  public void schedule(Duration delay, Runnable task) {
    surroundings.pump.schedule(delay, task);
  }

  @Override
  public @Nullable MemorySegment pendingInput() {
    return owner.pendingInput();
  }

  @Override
  public void inputTaken(int bytes) {
    owner.tell(listener -> listener.inputTaken(bytes));
  }

  @Override
  public void inputBroken() {
    owner.tell(ProcessListener::inputBroken);
    checkGone();
  }

  @Override
  public void inputFinished() {
    checkGone();
  }

  @Override
  public void exited(WaitId.Exit exit) {
    boolean isOthersKill =
        exit.status() instanceof ExitStatus.Signaled(int number)
            && number == Signal.KILL.number()
            && !session.isKilledByUs();
    if (isOthersKill && surroundings.memoryKills.claim(memoryKillsBefore)) {
      owner.tell(ProcessListener::killedForMemory);
    }
    owner.tellLast(listener -> listener.exited(exit.status(), exit.cpu()));
  }

  @Override
  public void over() {
    checkGone();
  }

  private void checkGone() {
    boolean inputOpen = input != null && input.isOpen();
    if (session.isOver() && !inputOpen && outputs.stream().noneMatch(OutputPipe::isOpen)) {
      hangUp();
      surroundings.onGone.accept(this);
    }
  }
}
