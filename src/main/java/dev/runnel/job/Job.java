package dev.runnel.job;

import dev.runnel.model.CommandSpec;
import dev.runnel.model.End;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.JobId;
import dev.runnel.model.JobState;
import dev.runnel.model.JobStatus;
import dev.runnel.model.Labels;
import dev.runnel.model.Outcome;
import dev.runnel.model.Request;
import dev.runnel.model.Retention;
import dev.runnel.model.Role;
import dev.runnel.model.Signal;
import dev.runnel.model.Terminal;
import dev.runnel.model.TerminalSize;
import dev.runnel.process.ProcessEngine;
import dev.runnel.spool.RecoveredJob;
import dev.runnel.spool.SpooledJob;
import dev.runnel.threads.TaskHandOver;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One running of a command, as others see it, and what is known of it after its end. Any thread may
 * call it and nothing blocks; what it does happens on the pump, in {@link Lifecycle}. Who follows
 * it is told only that something changed, and looks for itself.
 */
public final class Job {
  /** How far a runner's stdin may be ahead of what the pipe took. */
  public static final int STDIN_WINDOW_BYTES = 65_536;

  private final JobId id;
  private final @Nullable IdempotencyKey once;
  private final JobOrigin origin;
  private final String boot;
  private final String display;
  private final Labels labels;
  private final long retainBytes;
  private final JobChanges changes;
  private final @Nullable Duration keep;
  private final boolean hasStdin;
  private final ProcessEngine engine;
  private final OutputLog log;
  private final StdinBuffer stdin = new StdinBuffer(STDIN_WINDOW_BYTES);
  private final RunnerSlot seat;
  private final @Nullable JobSpool spool;
  private final int maxBeginning;
  private final CopyOnWriteArrayList<JobListener> watchers = new CopyOnWriteArrayList<>();

  // Null once it has ended: what it was asked to run may be large, and is not needed any more.
  private volatile @Nullable Lifecycle lifecycle;

  // The one asked for last; null: it runs without one.
  private volatile @Nullable TerminalSize terminalSize;

  // Replaced by the pump, read by others: whoever needs two things of it looks once.
  private volatile Snapshot now = Snapshot.NEW;
  private volatile boolean stdinBroken;
  private volatile boolean stdinEnded;
  private volatile boolean outlived;

  /** The moment of its process's birth. */
  public record Started(int pid, Instant at) {}

  /**
   * Where it stands at one moment.
   *
   * @param started null: there is no process yet, or there never was one
   * @param exitStatus how the process ended; null: it has not. The job's own end comes later, out
   *     of the log
   * @param refusal why it never started and left no trace; null: it was not refused
   * @param end how the job ended; null: it has not
   */
  public record Snapshot(
      JobState state,
      @Nullable Started started,
      @Nullable ExitStatus exitStatus,
      @Nullable RejectedException refusal,
      @Nullable End end) {
    static final Snapshot NEW = new Snapshot(JobState.STARTING, null, null, null, null);

    private Snapshot started(Started how) {
      return new Snapshot(JobState.RUNNING, how, null, null, null);
    }

    private Snapshot exited(ExitStatus status) {
      return new Snapshot(JobState.DRAINING, started, status, null, null);
    }

    private Snapshot ended(End how) {
      return new Snapshot(JobState.ENDED, started, exitStatus, null, how);
    }

    private Snapshot refused(RejectedException why) {
      return new Snapshot(JobState.ENDED, started, exitStatus, why, null);
    }
  }

  Job(JobId id, Request.Run run, JobOrigin origin, JobRegistry registry) {
    this.id = id;
    this.once = IdempotencyKey.of(run);
    this.origin = origin;
    this.boot = registry.node().boot();
    this.display = run.spec().command().display();
    this.labels = run.spec().labels();
    this.retainBytes = run.spec().retainBytes();
    this.keep = run.spec().lasting().keep();
    this.hasStdin = run.spec().command().stdin() == CommandSpec.Stdin.PIPE;
    this.terminalSize = sizeOf(run.spec().command().terminal());
    this.engine = registry.engine();
    this.changes = registry.changes();
    this.lifecycle = new Lifecycle(this, run.spec(), registry);
    this.log = logFor(run.spec().command(), registry);
    this.seat = new RunnerSlot(this, run.spec().lasting(), engine, registry::release);
    this.spool = registry.spool(log, run.spec().lasting());
    this.maxBeginning = registry.maxBeginning();
  }

  /** One of an earlier life, which has ended. */
  private Job(RecoveredJob found, JobRegistry registry, SpoolThreads spooler) {
    SpooledJob job = found.job();
    this.id = job.job();
    this.once = job.onceDigest() == null ? null : new IdempotencyKey(job.onceDigest());
    this.origin = JobOrigin.of(job.caller());
    this.boot = job.boot();
    this.display = job.command();
    this.labels = job.labels();
    this.retainBytes = job.retainBytes();
    this.keep = job.keep();
    this.hasStdin = false;
    this.engine = registry.engine();
    this.changes = registry.changes();
    this.log = new OutputLog(registry.memory(), retainBytes, this::resumeOutput);
    this.seat = new RunnerSlot(this, Retention.DEFAULT, engine, () -> {});
    this.maxBeginning = 0;
    log.restore(found.end());
    this.spool = registry.restoredSpool(spooler, log, found);
    RecoveredJob.Birth process = found.process();
    Started started = process == null ? null : new Started(process.pid(), process.at());
    now = new Snapshot(JobState.ENDED, started, found.end().status(), null, found.end());
  }

  private static @Nullable TerminalSize sizeOf(@Nullable Terminal terminal) {
    return terminal == null ? null : terminal.size();
  }

  // Whoever types Ctrl-C at a flood sees its end after what is under way, so that this is little.
  private OutputLog logFor(CommandSpec command, JobRegistry registry) {
    return command.terminal() == null
        ? new OutputLog(registry.memory(), retainBytes, this::resumeOutput)
        : new OutputLog(
            registry.memory(), retainBytes, Terminal.MAX_AHEAD_BYTES, this::resumeOutput);
  }

  static Job restored(RecoveredJob found, JobRegistry registry, SpoolThreads spooler) {
    Job job = new Job(found, registry, spooler);
    job.seat.end();
    job.seat.settle();
    return job;
  }

  public JobId id() {
    return id;
  }

  /** By which it is found in lists. */
  public Labels labels() {
    return labels;
  }

  /** How much of its output is kept, at least while it runs. */
  public long retainBytes() {
    return retainBytes;
  }

  public JobOrigin origin() {
    return origin;
  }

  /** Whether a run from there means the execution that this job is. */
  boolean isSame(Request.Run run, JobOrigin from) {
    return once != null
        && once.equals(IdempotencyKey.of(run))
        && origin.principal().equals(from.principal());
  }

  /** Null: it has no name as one. */
  IdempotencyKey.@Nullable Execution execution() {
    return once == null ? null : new IdempotencyKey.Execution(id, origin.principal(), once);
  }

  /** How long it is to be remembered after its end; null: as long as others. */
  @Nullable Duration keep() {
    return keep;
  }

  /** Where it stands now. */
  public Snapshot now() {
    return now;
  }

  public JobState state() {
    return now.state;
  }

  /** Null: there is no process yet, or there never was one. */
  public @Nullable Started started() {
    return now.started;
  }

  /** How the process ended; null: it has not. The job's own end comes later, out of the log. */
  public @Nullable ExitStatus exitStatus() {
    return now.exitStatus;
  }

  /** Why it never started and left no trace; null: it was not refused. */
  public @Nullable RejectedException refusal() {
    return now.refusal;
  }

  /** Whether its process could not be ended, and was still there at the job's end. */
  public boolean isOutlived() {
    return outlived;
  }

  /** Bytes given to the stdin pipe. */
  public long stdinTaken() {
    return stdin.taken();
  }

  /** Whether the stdin pipe was closed after all that the runner sent. */
  public boolean isStdinEnded() {
    return stdinEnded;
  }

  /** Whether the process closed its stdin before that. */
  public boolean isStdinBroken() {
    return stdinBroken;
  }

  public boolean hasStdin() {
    return hasStdin;
  }

  public boolean hasTerminal() {
    return terminalSize != null;
  }

  /** What was asked for last; null: it has no terminal. */
  public @Nullable TerminalSize terminalSize() {
    return terminalSize;
  }

  /**
   * Begins to follow it. Whoever takes the seat takes it from who had it.
   *
   * @throws RejectedException if it asks for more than there is
   */
  LogReader follow(JobListener who, SubscribeOptions how) throws RejectedException {
    long window = how.window().orElse(0);
    if (window > retainBytes) {
      throw new RejectedException(
          ErrorCode.BAD_REQUEST, "window: " + window + " (retain: " + retainBytes + ")");
    }
    long length = log.length();
    long from = how.from().orElse(length);
    if (from > length) {
      throw new RejectedException(
          ErrorCode.BAD_REQUEST, "from: " + from + " (log: " + length + ")");
    }
    if (how.role() == Role.RUNNER) {
      return seat.take(who, from);
    }
    // First: what happens from here on, it hears of.
    watchers.add(who);
    return log.openWatcher(from, who::wake);
  }

  /** Follows no longer. Idempotent. */
  void leave(JobListener who, LogReader reader, RunnerSlot.Leaving how) {
    if (reader.isRunner()) {
      seat.leave(who, how);
    } else {
      watchers.remove(who);
    }
    log.leave(reader);
  }

  /**
   * A reader of all that it prints, from the first byte on, whom nobody waits for and who counts as
   * no follower; to be given back to {@link #leave(LogReader)}.
   *
   * @param onMore called when there may be something new: output, or the end. Any thread
   */
  public LogReader read(Runnable onMore) {
    return log.openWatcher(0, onMore);
  }

  /** The reader asks no more. Idempotent. */
  public void leave(LogReader reader) {
    log.leave(reader);
  }

  /** Nobody is going to come for it: what has not started does not start, what runs ends. */
  void abandon() {
    Lifecycle live = lifecycle;
    if (live != null) {
      engine.execute(() -> live.end(Outcome.ABANDONED));
    }
  }

  /** Before it is started: its timeout counts from now on, until the process is there. */
  void limitStart() {
    Lifecycle live = lifecycle;
    if (live != null) {
      live.limitStart();
    }
  }

  /** Has its command started as it stands, unless nobody wants it any more. Called once. */
  public void start() {
    Lifecycle live = lifecycle;
    if (live != null) {
      writtenDown(live::start);
    }
  }

  /**
   * Has the process started, unless nobody wants it any more. Called once, by a worker.
   *
   * @param settled the job's command with all that it is not kept with
   */
  public void start(CommandSpec settled) {
    Lifecycle live = lifecycle;
    if (live != null) {
      writtenDown(() -> live.start(settled));
    }
  }

  /**
   * The same, on the calling thread as far as that goes: it may be held up by it.
   *
   * @param settled as above
   */
  public void startHere(CommandSpec settled) {
    Lifecycle live = lifecycle;
    if (live == null || spool != null) {
      start(settled);
    } else {
      live.startHere(settled);
    }
  }

  // Before there is a process: else another life might start it once more.
  private void writtenDown(Runnable then) {
    if (spool == null) {
      then.run();
      return;
    }
    String digest = once == null ? null : once.digest();
    spool.begin(
        new SpooledJob(
            id, digest, origin.caller(), display, boot, Instant.now(), retainBytes, keep, labels),
        maxBeginning,
        new JobSpool.Begun() {
          @Override
          public void begun() {
            then.run();
          }

          @Override
          public void refused(RejectedException why) {
            refuse(why);
          }
        });
  }

  /** Whether followers may be told that it started: not before another life of the node knows. */
  boolean mayTellStarted() {
    return spool == null || spool.mayTellStarted();
  }

  /** It can't be started at all: the job ends without a trace. */
  public void refuse(RejectedException why) {
    Lifecycle live = lifecycle;
    if (live != null) {
      engine.execute(() -> live.refuse(why));
    }
  }

  /** Bytes for stdin, from who has the seat; what is refused is not kept. */
  StdinAnswer offerStdin(JobListener by, long offset, byte[] bytes, boolean eof) {
    Lifecycle live = lifecycle;
    if (!hasStdin || live == null) {
      return StdinAnswer.TAKEN;
    }
    StdinBuffer.Offer offer = stdin.offer(by, offset, bytes, eof);
    if (offer == StdinBuffer.Offer.TAKEN) {
      engine.execute(live::feed);
    }
    return switch (offer) {
      case TAKEN, CLOSED -> StdinAnswer.TAKEN;
      case DUPLICATE, DROPPED -> StdinAnswer.DUPLICATE;
      case HOLE -> StdinAnswer.HOLE;
      case OVERRUN -> StdinAnswer.OVERRUN;
      case BEYOND_EOF -> StdinAnswer.BEYOND_EOF;
    };
  }

  /** What became of stdin that a runner sent. */
  enum StdinAnswer {
    TAKEN,
    DUPLICATE,
    HOLE,
    OVERRUN,
    BEYOND_EOF
  }

  /** Signals the process group, once there is one and if it has not ended. */
  public void signal(Signal signal) {
    Lifecycle live = lifecycle;
    if (live != null) {
      engine.execute(() -> live.signal(signal));
    }
  }

  /** Gives its terminal another size; does nothing without one. */
  public void resize(TerminalSize size) {
    Lifecycle live = lifecycle;
    if (live != null && hasTerminal()) {
      terminalSize = size;
      engine.execute(() -> live.resize(size));
      wakeFollowers();
      changes.changed(this);
    }
  }

  /**
   * Ends it, whole tree and all, if it has not ended; asked again, without any more grace.
   *
   * @param grace instead of its own, if that is longer; null: its own
   * @param begun called when that has begun, or was needless; on the pump, or at once
   */
  public void cancel(@Nullable Duration grace, Consumer<JobState> begun) {
    Lifecycle live = lifecycle;
    if (live == null) {
      begun.accept(state());
      return;
    }
    engine.execute(
        () -> {
          // One that has no process yet may end by it at once.
          JobState before = state();
          TaskHandOver.runAll(() -> live.cancel(grace), () -> begun.accept(before));
        });
  }

  /** Ends it, whole tree and all, if it has not ended. */
  void end(Outcome cause) {
    Lifecycle live = lifecycle;
    if (live != null) {
      engine.execute(() -> live.end(cause));
    }
  }

  /** Ends it as it stands, whatever it waits for. */
  void giveUp(Outcome why) {
    Lifecycle live = lifecycle;
    if (live != null) {
      engine.execute(() -> live.giveUp(why));
    }
  }

  /** Gives it no more grace, if it is being ended. */
  void hurry() {
    Lifecycle live = lifecycle;
    if (live != null) {
      engine.execute(live::hurry);
    }
  }

  /** All of one moment. */
  public JobStatus status() {
    Snapshot seen = now;
    Started at = seen.started;
    return new JobStatus(
        id,
        seen.state,
        origin.principal(),
        display,
        labels,
        at == null ? null : at.pid(),
        seen.end == null ? log.length() : seen.end.outputBytes(),
        watchers.size() + (seat.holder() == null ? 0 : 1),
        retainBytes,
        terminalSize,
        at == null ? null : at.at(),
        seen.end);
  }

  // For Lifecycle and the registry.

  OutputLog log() {
    return log;
  }

  StdinBuffer stdin() {
    return stdin;
  }

  RunnerSlot seat() {
    return seat;
  }

  private void resumeOutput() {
    Lifecycle live = lifecycle;
    if (live != null) {
      engine.execute(live::resumeOutput);
    }
  }

  void becomeStarted(Started how) {
    now = now.started(how);
    if (spool != null) {
      spool.started(how.pid(), how.at(), this::wakeFollowers);
    }
    wakeFollowers();
    changes.changed(this);
  }

  void becomeExited(ExitStatus status) {
    now = now.exited(status);
    changes.changed(this);
  }

  void becomeOutlived() {
    outlived = true;
  }

  void becomeEnded(End how) {
    now = now.ended(how);
    lifecycle = null;
  }

  /** Follows becomeEnded once the registry knows: who asks it then gets the same answer. */
  void tellEnd(End how) {
    // First: whoever sees the end leaves the seat of an ended job, whose place is free by then.
    seat.end();
    log.close(how);
    if (spool != null) {
      spool.ended();
    }
    seat.settle();
    wakeFollowers();
    changes.changed(this);
  }

  void becomeRefused(RejectedException why) {
    now = now.refused(why);
    lifecycle = null;
    log.forget();
    seat.refuse();
    wakeFollowers();
  }

  void becomeStdinBroken() {
    stdinBroken = true;
    wakeFollowers();
  }

  void becomeStdinEnded() {
    stdinEnded = true;
    wakeFollowers();
  }

  /** Whether anybody may be reading its output. Any thread. */
  boolean isFollowed() {
    return seat.holder() != null || !watchers.isEmpty();
  }

  void wakeFollowers() {
    JobListener runner = seat.holder();
    if (runner != null) {
      runner.wake();
    }
    for (JobListener watcher : watchers) {
      watcher.wake();
    }
  }
}
