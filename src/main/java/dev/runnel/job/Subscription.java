package dev.runnel.job;

import dev.runnel.model.End;
import dev.runnel.model.Event;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.JobState;
import dev.runnel.model.NodeIdentity;
import dev.runnel.model.Request;
import dev.runnel.model.Role;
import dev.runnel.model.TerminalSize;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What a follower of a job is told, and when: the answer to its {@code run} or {@code attach},
 * whatever carries it. Owned by whoever carries it, on that one thread. PROTOCOL.md, "Answers" and
 * "Flow".
 */
public final class Subscription {
  private final Job job;
  private final SubscribeOptions how;
  private final NodeIdentity node;
  private final LogReader reader;
  private final Outlet outlet;
  private final Woken woken = new Woken();
  private final @Nullable StdinProgress stdin;

  // The offset that output may not reach; without a window the outlet alone sets the pace.
  private long creditEnd = Long.MAX_VALUE;
  private long gapBytes;
  private boolean startedTold;
  private boolean exitedTold;
  private @Nullable TerminalSize sizeTold;
  private boolean over;

  // Read on our thread after the job has said so on its own.
  private volatile boolean seated;

  /** Who carries the answer. */
  public interface Outlet {
    /** Runs a task on the follower's thread. Any thread; neither blocks nor throws. */
    void execute(Runnable task);

    /** Something may have changed: to be answered by {@link Subscription#tell}. */
    void look();

    /** Carries an event that is no output. */
    void tell(Event.Interim event);

    /** There may be output, or the end: to be answered by {@link Subscription#next}. */
    void ready();

    /** Carries the last event; the job is followed no longer. */
    void finish(Event.Final event);
  }

  /** What the job calls, on its own threads. */
  private final class Woken implements JobListener {
    private final AtomicBoolean looking = new AtomicBoolean();

    // Many changes make one look.
    @Override
    public void wake() {
      if (looking.compareAndSet(false, true)) {
        outlet.execute(
            () -> {
              // Before the look: what changes during it wakes us again.
              looking.set(false);
              outlet.look();
            });
      }
    }

    @Override
    public void seated() {
      seated = true;
      if (how.job() == SubscribeOptions.Existence.EXISTING) {
        wake();
      }
    }

    @Override
    public void replaced() {
      outlet.execute(
          () -> {
            detach(Event.Detached.Reason.REPLACED, RunnerSlot.Leaving.DETACHED);
            outlet.look();
          });
    }
  }

  private Subscription(Job job, SubscribeOptions how, NodeIdentity node, Outlet outlet)
      throws RejectedException {
    this.job = job;
    this.how = how;
    this.node = node;
    this.outlet = outlet;
    boolean isRunner = how.role() == Role.RUNNER;
    this.stdin = isRunner && job.hasStdin() ? new StdinProgress(job, how.job(), outlet) : null;
    this.seated = !isRunner;
    this.reader = job.follow(woken, how);
    how.window().ifPresent(window -> creditEnd = reader.position() + window);
  }

  /**
   * Begins to follow a job. Who takes its seat takes it from whoever had it, who is told.
   *
   * @throws RejectedException if it asks for more than the job has
   */
  public static Subscription of(Job job, SubscribeOptions how, NodeIdentity node, Outlet outlet)
      throws RejectedException {
    Subscription following = new Subscription(job, how, node, outlet);
    if (how.job() == SubscribeOptions.Existence.EXISTING) {
      following.woken.wake();
    }
    return following;
  }

  public Job job() {
    return job;
  }

  public boolean isRunner() {
    return how.role() == Role.RUNNER;
  }

  /** Tells what there is to tell but output, and asks for a turn for that. */
  public void tell() {
    if (over || !seated) {
      return;
    }
    RejectedException refusal = job.refusal();
    if (refusal != null) {
      finish(new Event.Failed(refusal.code(), refusal.getMessage(), job.id()));
      return;
    }
    if (job.mayTellStarted()) {
      tellWhatCameBefore();
    }
    if (stdin != null) {
      stdin.offerEarly(woken);
    }
    tellResized();
    tellExited();
    outlet.ready();
  }

  /**
   * Gives the next output that credit allows to the taker, who closes the lease; or finishes, if
   * everything was read. What is gone is told of before what follows it.
   *
   * @return whether there was output
   */
  public boolean next(int maxBytes, Consumer<LentSlice> taker) {
    if (over || !seated) {
      return false;
    }
    long before = reader.position();
    long credit = creditEnd - before;
    LentSlice lease = credit > 0 ? reader.next((int) Math.min(credit, maxBytes)) : null;
    if (lease != null || reader.position() > before) {
      tellStarted(before);
    }
    tellGap(before, lease == null ? reader.position() : lease.offset());
    if (lease == null) {
      End end = reader.end();
      if (end != null) {
        tellWhatCameBefore();
        finish(new Event.Ended(end, gapBytes));
      }
      return false;
    }
    long end = lease.end();
    taker.accept(lease);
    if (how.window().isEmpty()) {
      // The lease alone keeps the bytes until they were taken.
      reader.consumed(end);
    }
    return true;
  }

  // It costs no credit: who has to consume nothing has nothing to acknowledge.
  private void tellGap(long from, long to) {
    if (to > from) {
      gapBytes += to - from;
      if (how.window().isPresent()) {
        creditEnd += to - from;
      }
      outlet.tell(new Event.Gap(job.id(), from, to));
    }
  }

  /**
   * The client has consumed all below the offset.
   *
   * @throws BadNoticeException if it was not sent so much
   */
  public void ack(long offset) throws BadNoticeException {
    if (offset > reader.position()) {
      throw new BadNoticeException("offset: " + offset + " (sent: " + reader.position() + ")");
    }
    if (how.window().isPresent()) {
      creditEnd = Math.max(creditEnd, offset + how.window().getAsLong());
      reader.consumed(offset);
      if (!over) {
        outlet.ready();
      }
    }
  }

  /**
   * Bytes for the process; dropped if they are not a runner's.
   *
   * @throws BadNoticeException if they don't follow what came before, or go beyond the credit
   */
  public void stdin(long offset, byte[] bytes, boolean eof) throws BadNoticeException {
    if (stdin != null && !over && stdin.offer(woken, offset, bytes, eof)) {
      tell();
    }
  }

  /** The client wants to hear no more; the job goes on. */
  public void detach(Request.Detach.Linger linger) {
    detach(
        Event.Detached.Reason.ASKED,
        linger == Request.Detach.Linger.LIMITED
            ? RunnerSlot.Leaving.GONE
            : RunnerSlot.Leaving.DETACHED);
  }

  private void detach(Event.Detached.Reason reason, RunnerSlot.Leaving leaving) {
    if (!over) {
      over = true;
      job.leave(woken, reader, leaving);
      outlet.finish(new Event.Detached(reason));
    }
  }

  /** The client is gone. Idempotent. */
  public void leave() {
    if (!over) {
      over = true;
      job.leave(woken, reader, RunnerSlot.Leaving.GONE);
    }
  }

  // All may have happened since tell() looked. Nothing happens after the end.
  private void tellWhatCameBefore() {
    tellStarted(reader.position());
    if (startedTold && stdin != null) {
      stdin.tell();
    }
  }

  private void tellStarted(long next) {
    Job.Snapshot now = job.now();
    Job.Started started = now.started();
    if (startedTold || started == null) {
      return;
    }
    startedTold = true;
    sizeTold = job.terminalSize();
    outlet.tell(
        new Event.Started(
            job.id(),
            node.name(),
            node.boot(),
            started.pid(),
            now.state(),
            stdin != null ? (Integer) Job.STDIN_WINDOW_BYTES : null,
            how.job() == SubscribeOptions.Existence.EXISTING,
            next,
            job.retainBytes(),
            sizeTold));
  }

  // A runner sets it.
  private void tellResized() {
    TerminalSize size = job.terminalSize();
    if (size != null && startedTold && !isRunner() && !size.equals(sizeTold)) {
      sizeTold = size;
      outlet.tell(new Event.Resized(job.id(), size));
    }
  }

  // Also to who comes after the end, if there is output before it.
  private void tellExited() {
    Job.Snapshot now = job.now();
    ExitStatus status = now.exitStatus();
    if (status == null || exitedTold || !startedTold) {
      return;
    }
    boolean isLate = how.job() == SubscribeOptions.Existence.EXISTING && reader.end() == null;
    if (now.state() == JobState.DRAINING || isLate) {
      exitedTold = true;
      outlet.tell(new Event.Exited(job.id(), status));
    }
  }

  // The place is given back first: a client that has its end may start its next command at once.
  private void finish(Event.Final event) {
    over = true;
    job.leave(woken, reader, RunnerSlot.Leaving.TOLD);
    outlet.finish(event);
  }
}
