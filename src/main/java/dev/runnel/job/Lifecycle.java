package dev.runnel.job;

import dev.runnel.model.CommandSpec;
import dev.runnel.model.End;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.JobSpec;
import dev.runnel.model.Leftover;
import dev.runnel.model.Outcome;
import dev.runnel.model.Signal;
import dev.runnel.model.StartFailure;
import dev.runnel.model.Stream;
import dev.runnel.model.StreamTotal;
import dev.runnel.model.TerminalSize;
import dev.runnel.process.OsProcess;
import dev.runnel.process.OsProcess.Survivors;
import dev.runnel.process.ProcessEngine;
import dev.runnel.process.ProcessListener;
import dev.runnel.threads.TaskHandOver;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * How a job goes from its start to its one end. All of it happens on the pump, one thing after the
 * other, which is why exit, timeout, cancel and disconnect can't race. PROTOCOL.md, "The end".
 */
final class Lifecycle implements ProcessListener {
  /** How long a start that was withdrawn may still turn out to have made its process. */
  private static final Duration MAKING_PATIENCE = Duration.ofSeconds(2);

  /** What a start may take, however short the timeout of what it starts. */
  private static final Duration SHORTEST_START = Duration.ofSeconds(10);

  private static final Duration STATUS_PATIENCE = Duration.ofMillis(100);
  private static final int MANY_SIGNALS = 16;
  private static final int MAX_TEXT = 256;

  private final Job job;
  private final JobSpec spec;
  private final JobRegistry registry;
  private final ProcessEngine engine;
  private final DrainClock drain;
  private final List<Signal> earlySignals = new ArrayList<>(0);
  private final EnumSet<Stream> open = EnumSet.noneOf(Stream.class);
  private final Map<Stream, StreamTally> tallies = new EnumMap<>(Stream.class);

  private @Nullable TerminalSize earlySize;
  private final AtomicReference<Making> making = new AtomicReference<>(Making.OPEN);
  private boolean starting = true;
  private @Nullable OsProcess process;
  private @Nullable MemorySegment reserved;
  private boolean full;
  private @Nullable Instant startedAt;
  private final long madeNanos;
  private long startedNanos;
  // Set by who makes the job, too, before the job can start.
  private volatile ProcessEngine.@Nullable Timer timeout;
  private ProcessEngine.@Nullable Timer withdrawal;

  private @Nullable Outcome cause;
  private @Nullable ExitStatus status;
  private @Nullable Duration duration;
  private @Nullable Duration cpu;
  private boolean oom;
  private boolean drained = true;
  private Duration grace;
  private boolean canceled;
  private boolean clearing;
  private boolean settling;
  private @Nullable Survivors cleared;
  private boolean over;
  private boolean processLeft;

  // Read by who makes the process, too: whether somebody already wants it ended.
  private volatile boolean ending;

  /** Whether there is going to be a process: decided once, by the maker or by who withdraws. */
  private enum Making {
    OPEN,
    CLAIMED,
    WITHDRAWN
  }

  Lifecycle(Job job, JobSpec spec, JobRegistry registry) {
    this.job = job;
    this.spec = spec;
    this.registry = registry;
    this.engine = registry.engine();
    this.madeNanos = engine.nanoTime();
    this.grace = spec.grace();
    this.drain = new DrainClock(engine, spec.drain(), spec.drainMax(), this::giveUpDraining);
    for (Stream stream : Stream.values()) {
      tallies.put(stream, new StreamTally());
    }
  }

  /** Before it is started: what keeps it from its start is not waited for beyond its timeout. */
  void limitStart() {
    Duration most = spec.timeout();
    if (most != null) {
      Duration limit = most.compareTo(SHORTEST_START) < 0 ? SHORTEST_START : most;
      timeout = engine.schedule(limit, () -> end(Outcome.TIMED_OUT));
    }
  }

  /** Has the process made, unless somebody wants it ended by then, or nobody wants it. */
  void start() {
    start(spec.command().settled(Map.of()));
  }

  /** The same of the command with all that it is not kept with. */
  void start(CommandSpec settled) {
    engine.start(job.id(), settled, this::claim, this);
  }

  /** The same, by the calling thread, which it may hold up. */
  void startHere(CommandSpec settled) {
    engine.startHere(job.id(), settled, this::claim, this);
  }

  private boolean claim() {
    return isWanted() && making.compareAndSet(Making.OPEN, Making.CLAIMED);
  }

  @Override
  public boolean isWanted() {
    return !ending && !job.seat().isAbandoned();
  }

  @Override
  public String account() {
    return job.origin().principal();
  }

  // What others ask of it.

  /** {@link Job#cancel}. */
  void cancel(@Nullable Duration most) {
    Duration rest = canceled ? Duration.ZERO : most;
    canceled = true;
    if (rest != null && rest.compareTo(grace) < 0) {
      grace = rest;
      if (clearing) {
        engine.schedule(rest, this::hurry);
      }
    }
    end(Outcome.CANCELED);
  }

  /** Takes the tree down; the first cause given is the one that is told. */
  void end(Outcome why) {
    if (over) {
      return;
    }
    if (cause == null) {
      cause = why;
      ending = true;
      stopTimers();
    }
    if (process != null) {
      clear();
    } else if (making.compareAndSet(Making.OPEN, Making.WITHDRAWN)) {
      // Whatever it waits for: there will be no process.
      finish(why(), null);
    } else if (withdrawal == null) {
      withdrawal = engine.schedule(MAKING_PATIENCE, this::giveUpStart);
    }
  }

  // The system does not come back from making the process: who does not return for it is killed.
  private void giveUpStart() {
    if (process == null) {
      finish(why(), null);
    }
  }

  private Outcome why() {
    return cause == null ? Outcome.ABANDONED : cause;
  }

  /** Ends it at once, as it stands: nothing is waited for any longer. */
  void giveUp(Outcome why) {
    if (over) {
      return;
    }
    cause = cause == null ? why : cause;
    ending = true;
    TaskHandOver.runAll(
        () -> {
          if (process != null) {
            drained = false;
            job.log().liftBound();
            process.endOutput();
          }
        },
        () -> finish(why(), null));
  }

  /** Ends its grace. */
  void hurry() {
    if (clearing && cleared == null) {
      live().clear(Duration.ZERO, _ -> {});
    }
  }

  void refuse(RejectedException why) {
    if (!over && process == null) {
      over = true;
      ending = true;
      TaskHandOver.runAll(
          this::stopTimers,
          job.stdin()::close,
          this::leaveStarting,
          // Before anybody is told, who may use the name again at once.
          () -> registry.forget(job),
          () -> job.becomeRefused(why),
          () -> registry.tellOver(job));
    }
  }

  void signal(Signal signal) {
    if (over) {
      return;
    }
    if (process != null) {
      process.signal(signal);
    } else if (earlySignals.size() < MANY_SIGNALS || !earlySignals.contains(signal)) {
      // Of many, each is kept once, as the kernel does with those that a process has not taken yet.
      earlySignals.add(signal);
    }
  }

  void resize(TerminalSize size) {
    earlySize = size;
    if (process != null) {
      process.resize(size);
    }
  }

  void feed() {
    if (process != null && !over) {
      process.feed();
      closeInputAtEof();
    }
  }

  void resumeOutput() {
    if (process != null && !over) {
      full = false;
      runDrain();
      process.resumeOutput();
    }
  }

  // What the process does.

  @Override
  public void started(OsProcess started) {
    if (over) {
      // It was refused, or withdrawn, after it was begun to be made.
      started.discardOutput();
      started.clear(Duration.ZERO, _ -> {});
      return;
    }
    process = started;
    stopTimers();
    open.add(Stream.STDOUT);
    if (spec.command().stderr() == CommandSpec.Stderr.SEPARATE) {
      open.add(Stream.STDERR);
    }
    Instant now = Instant.now();
    startedAt = now;
    startedNanos = engine.nanoTime();
    leaveStarting();
    job.becomeStarted(new Job.Started(started.pid(), now));
    registry.tellStarted(Duration.ofNanos(startedNanos - madeNanos));
    if (cause != null) {
      clear();
      return;
    }
    if (spec.timeout() != null) {
      timeout = engine.schedule(spec.timeout(), () -> end(Outcome.TIMED_OUT));
    }
    if (earlySize != null) {
      started.resize(earlySize);
    }
    earlySignals.forEach(started::signal);
    earlySignals.clear();
    feed();
  }

  @Override
  public void startFailed(StartFailure failure) {
    finish(Outcome.START_FAILED, failure);
  }

  @Override
  public void startRefused(String why) {
    refuse(new RejectedException(ErrorCode.UNAVAILABLE, why));
  }

  @Override
  public void startVoided() {
    finish(why(), null);
  }

  @Override
  public @Nullable MemorySegment reserve(Stream stream) {
    reserved = job.log().reserve(stream);
    if (reserved == null) {
      full = true;
      drain.pause();
    }
    return reserved;
  }

  @Override
  public void commit(Stream stream, int bytes) {
    MemorySegment memory = reserved;
    if (memory == null) {
      throw new IllegalStateException("commit without reserve");
    }
    StreamTally tally = tallies.get(stream);
    if (tally != null) {
      tally.add(memory.asSlice(0, bytes));
    }
    reserved = null;
    drain.sawOutput();
    job.log().commit(stream, bytes);
  }

  @Override
  public void outputClosed(Stream stream) {
    open.remove(stream);
    settleIfQuiet();
  }

  @Override
  public @Nullable MemorySegment pendingInput() {
    return job.stdin().pending();
  }

  @Override
  public void inputTaken(int bytes) {
    job.stdin().take(bytes);
    job.wakeFollowers();
    closeInputAtEof();
  }

  @Override
  public void inputBroken() {
    job.stdin().close();
    job.becomeStdinBroken();
  }

  @Override
  public void killedForMemory() {
    oom = true;
  }

  @Override
  public void exited(ExitStatus how, @Nullable Duration used) {
    if (over) {
      outlivedItsJob();
      return;
    }
    status = how;
    cpu = used;
    duration = Duration.ofNanos(engine.nanoTime() - startedNanos);
    stopTimers();
    job.becomeExited(how);
    if (clearing) {
      finishIfCleared();
    } else if (open.isEmpty()) {
      settleIfQuiet();
    } else {
      runDrain();
      job.wakeFollowers();
    }
  }

  @Override
  public void lost() {
    drained = false;
    finish(Outcome.LOST, null);
  }

  // From the exit to the end.

  // Not while the log is full, which it may have been before the exit already.
  private void runDrain() {
    if (status != null && !full && !clearing && !settling) {
      drain.run();
    }
  }

  private void settleIfQuiet() {
    if (status == null || !open.isEmpty() || clearing || settling || over) {
      return;
    }
    settling = true;
    drain.stop();
    settle();
  }

  private void giveUpDraining() {
    drained = false;
    settling = true;
    settle();
  }

  // Everything was read, or nobody waits for it any longer: what is left of the tree?
  private void settle() {
    live().survivors(this::settleWith);
  }

  private void settleWith(Survivors survivors) {
    if (over || clearing) {
      return;
    }
    if (spec.leftovers() == JobSpec.Leftovers.KEEP) {
      cleared = survivors;
      live().discardOutput();
      finish(outcomeOfExit(), null);
    } else if (survivors.total() == 0 && open.isEmpty()) {
      cleared = survivors;
      finish(outcomeOfExit(), null);
    } else {
      clear();
    }
  }

  private void clear() {
    if (process == null || clearing) {
      return;
    }
    clearing = true;
    drain.stop();
    process.clear(grace, this::treeCleared);
  }

  private void treeCleared(Survivors survivors) {
    cleared = survivors;
    job.log().liftBound();
    live().endOutput();
    finishIfCleared();
  }

  private void finishIfCleared() {
    if (status == null && cleared != null && !over) {
      // The process is beyond KILL, and may be for ever; unless it ends just now.
      engine.schedule(STATUS_PATIENCE, this::finishCleared);
    } else {
      finishCleared();
    }
  }

  private void finishCleared() {
    if (cleared != null && !over) {
      finish(cause == null ? outcomeOfExit() : cause, null);
    }
  }

  private Outcome outcomeOfExit() {
    if (cause != null) {
      return cause;
    }
    return status instanceof ExitStatus.Signaled ? Outcome.SIGNALED : Outcome.EXITED;
  }

  private void finish(Outcome outcome, @Nullable StartFailure failure) {
    if (over) {
      return;
    }
    boolean left = process != null && status == null;
    if (left) {
      duration = Duration.ofNanos(engine.nanoTime() - startedNanos);
    }
    End end = end(outcome, failure, left ? withProcess(survivors()) : survivors());
    over = true;
    ending = true;
    processLeft = left;
    making.compareAndSet(Making.OPEN, Making.WITHDRAWN);
    TaskHandOver.runAll(
        this::stopTimers,
        drain::stop,
        job.stdin()::close,
        this::leaveStarting,
        () -> keepPlace(left),
        () -> job.becomeEnded(end),
        () -> registry.ended(job),
        () -> job.tellEnd(end),
        registry::completeIfDrained);
  }

  private End end(Outcome outcome, @Nullable StartFailure failure, Survivors left) {
    return new End(
        job.id(),
        outcome,
        status,
        failure,
        total(Stream.STDOUT),
        total(Stream.STDERR),
        job.log().length(),
        drained,
        left.listed(),
        left.total(),
        startedAt,
        duration,
        cpu,
        oom);
  }

  private Survivors survivors() {
    return cleared == null ? Survivors.NONE : cleared;
  }

  /** Lists the command's own process, which did not end. */
  private Survivors withProcess(Survivors others) {
    String text = spec.command().display();
    String command = text.length() > MAX_TEXT ? text.substring(0, MAX_TEXT) : text;
    List<Leftover> all = new ArrayList<>();
    all.add(new Leftover(live().pid(), command, false));
    others.listed().stream().limit(End.MAX_LEFTOVERS - 1L).forEach(all::add);
    return new Survivors(all, others.total() + 1);
  }

  /** A process that can't be ended is there: it takes a place for as long as that lasts. */
  private void keepPlace(boolean left) {
    if (left) {
      job.becomeOutlived();
      registry.keepPlace();
    }
  }

  // It ended after all; what it left behind is nobody's by now.
  private void outlivedItsJob() {
    if (processLeft) {
      processLeft = false;
      TaskHandOver.runAll(
          () -> registry.processGone(job),
          () -> live().discardOutput(),
          () -> live().clear(Duration.ZERO, _ -> {}));
    }
  }

  private void leaveStarting() {
    if (starting) {
      starting = false;
      registry.startOver();
    }
  }

  private StreamTotal total(Stream stream) {
    StreamTally tally = tallies.get(stream);
    return tally == null ? new StreamTotal(0, 0) : tally.total();
  }

  private void closeInputAtEof() {
    if (process != null && job.stdin().isAtEof() && !job.isStdinEnded() && !job.isStdinBroken()) {
      process.closeInput();
      job.becomeStdinEnded();
    }
  }

  private void stopTimers() {
    ProcessEngine.Timer running = timeout;
    timeout = null;
    if (running != null) {
      running.cancel();
    }
    if (withdrawal != null) {
      withdrawal.cancel();
      withdrawal = null;
    }
  }

  private OsProcess live() {
    OsProcess live = process;
    if (live == null) {
      throw new IllegalStateException("no process");
    }
    return live;
  }
}
