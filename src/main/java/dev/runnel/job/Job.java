package dev.runnel.job;

import dev.runnel.model.CommandSpec;
import dev.runnel.model.End;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.JobId;
import dev.runnel.model.JobSpec;
import dev.runnel.model.JobState;
import dev.runnel.model.JobStatus;
import dev.runnel.model.Outcome;
import dev.runnel.model.Signal;
import dev.runnel.model.TerminalSize;
import dev.runnel.process.ProcessEngine;
import java.time.Instant;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One running of a command, as others see it. Any thread may call it and nothing blocks; what it
 * does happens on the pump, in {@link Lifecycle}. Who follows it is told only that something
 * changed, and looks for itself.
 */
public final class Job {
  /** How far a runner's stdin may be ahead of what the pipe took. */
  public static final int STDIN_WINDOW_BYTES = 65_536;

  private final JobId id;
  private final JobSpec spec;
  private final Origin origin;
  private final String display;
  private final ProcessEngine engine;
  private final OutputLog log;
  private final Stdin stdin = new Stdin(STDIN_WINDOW_BYTES);
  private final Lifecycle lifecycle;

  // Written by the pump, read by followers after they were woken.
  private volatile JobState state = JobState.STARTING;
  private volatile @Nullable Started started;
  private volatile @Nullable ExitStatus exitStatus;
  private volatile boolean stdinBroken;
  private volatile boolean stdinEnded;
  private volatile @Nullable RefusedException refusal;
  private volatile @Nullable End end;

  private volatile @Nullable Runnable wake;
  private volatile boolean abandoned;

  /** The moment of its process's birth. */
  public record Started(int pid, Instant at) {}

  Job(JobId id, JobSpec spec, Origin origin, Registry registry) {
    this.id = id;
    this.spec = spec;
    this.origin = origin;
    this.display = spec.command().display();
    this.engine = registry.engine();
    this.lifecycle = new Lifecycle(this, registry);
    this.log =
        new OutputLog(
            registry.memory(),
            spec.retainBytes(),
            () -> engine.execute(lifecycle::resumeOutput),
            registry::release);
  }

  public JobId id() {
    return id;
  }

  public JobSpec spec() {
    return spec;
  }

  public Origin origin() {
    return origin;
  }

  public JobState state() {
    return state;
  }

  /** Null: there is no process yet, or there never was one. */
  public @Nullable Started started() {
    return started;
  }

  /** How the process ended; null: it has not. The job's own end comes later, out of the log. */
  public @Nullable ExitStatus exitStatus() {
    return exitStatus;
  }

  /** Why it never started and left no trace; null: it was not refused. */
  public @Nullable RefusedException refusal() {
    return refusal;
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
    return spec.command().stdin() == CommandSpec.Stdin.PIPE;
  }

  /**
   * Takes the runner's seat.
   *
   * @param wake called on any thread when there may be something new: output, a state, the end; it
   *     must neither block nor throw
   */
  public LogReader takeSeat(Runnable wake) {
    this.wake = wake;
    return log.openRunner(wake);
  }

  /**
   * The runner is gone, or has all it wants: what has not started does not start, what runs ends as
   * abandoned, and the log's memory is given back.
   */
  public void leaveSeat() {
    wake = null;
    abandoned = true;
    log.abandon();
    if (state != JobState.ENDED) {
      engine.execute(() -> lifecycle.end(Outcome.ABANDONED));
    }
  }

  /** Whether a worker that is to start it still should. */
  boolean isWanted() {
    return !abandoned && !lifecycle.isEnding();
  }

  /** Has its command started as it stands, unless nobody wants it any more. Called once. */
  public void start() {
    start(spec.command().settled(Map.of()));
  }

  /**
   * Has the process started, unless nobody wants it any more. Called once, by a worker.
   *
   * @param settled the job's command with all that it is not kept with
   */
  public void start(CommandSpec settled) {
    engine.start(id, settled, this::isWanted, lifecycle);
  }

  /** It can't be started at all: the job ends without a trace. */
  public void refuse(RefusedException why) {
    engine.execute(() -> lifecycle.refuse(why));
  }

  /** Bytes for stdin; what is refused is not kept. */
  public StdinAnswer offerStdin(long offset, byte[] bytes, boolean eof) {
    if (!hasStdin()) {
      return StdinAnswer.TAKEN;
    }
    Stdin.Offer offer = stdin.offer(offset, bytes, eof);
    if (offer == Stdin.Offer.TAKEN) {
      engine.execute(lifecycle::feed);
    }
    return switch (offer) {
      case TAKEN, CLOSED -> StdinAnswer.TAKEN;
      case DUPLICATE -> StdinAnswer.DUPLICATE;
      case HOLE -> StdinAnswer.HOLE;
      case OVERRUN -> StdinAnswer.OVERRUN;
      case BEYOND_EOF -> StdinAnswer.BEYOND_EOF;
    };
  }

  /** What became of stdin that a runner sent. */
  public enum StdinAnswer {
    TAKEN,
    DUPLICATE,
    HOLE,
    OVERRUN,
    BEYOND_EOF
  }

  /** Signals the process group, once there is one. */
  public void signal(Signal signal) {
    engine.execute(() -> lifecycle.signal(signal));
  }

  /** Gives its terminal another size; does nothing without one. */
  public void resize(TerminalSize size) {
    engine.execute(() -> lifecycle.resize(size));
  }

  /**
   * Ends it, whole tree and all.
   *
   * @param begun called on the pump when that has begun, or was needless
   */
  public void cancel(Outcome cause, Consumer<JobState> begun) {
    engine.execute(
        () -> {
          lifecycle.end(cause);
          begun.accept(state);
        });
  }

  public JobStatus status() {
    Started at = started;
    return new JobStatus(
        id,
        state,
        origin.principal(),
        display,
        at == null ? null : at.pid(),
        log.length(),
        end != null || wake == null ? 0 : 1,
        at == null ? null : at.at(),
        end);
  }

  // For Lifecycle, on the pump.

  OutputLog log() {
    return log;
  }

  Stdin stdin() {
    return stdin;
  }

  void becomeStarted(Started how) {
    started = how;
    state = JobState.RUNNING;
    wakeFollower();
  }

  void becomeExited(ExitStatus status) {
    exitStatus = status;
    state = JobState.DRAINING;
  }

  void becomeEnded(End how) {
    end = how;
    state = JobState.ENDED;
  }

  /** Follows becomeEnded once the registry knows: who asks it then gets the same answer. */
  void tellEnd(End how) {
    log.close(how);
    wakeFollower();
  }

  void becomeRefused(RefusedException why) {
    state = JobState.ENDED;
    refusal = why;
    wakeFollower();
  }

  void becomeStdinBroken() {
    stdinBroken = true;
    wakeFollower();
  }

  void becomeStdinEnded() {
    stdinEnded = true;
    wakeFollower();
  }

  void wakeFollower() {
    Runnable follower = wake;
    if (follower != null) {
      follower.run();
    }
  }
}
