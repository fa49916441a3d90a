package dev.runnel.job;

import dev.runnel.model.End;
import dev.runnel.model.Event;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.JobState;
import dev.runnel.model.NodeIdentity;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/**
 * What the runner of a job is told, and when: the answer to its {@code run}, whatever carries it.
 * Owned by whoever carries it, on that one thread. PROTOCOL.md, "Answers" and "The log, following,
 * and flow".
 */
public final class Following {
  private final Job job;
  private final NodeIdentity node;
  private final LogReader reader;
  private final Outlet outlet;
  private final AtomicBoolean woken = new AtomicBoolean();

  // The offset that output may not reach; without a window the outlet alone sets the pace.
  private long creditEnd = Long.MAX_VALUE;
  private boolean startedTold;
  private boolean exitedTold;
  private boolean stdinClosedTold;
  private boolean eofTold;
  private long stdinTold = -1;
  private boolean over;

  /** Who carries the answer. */
  public interface Outlet {
    /** Runs a task on the follower's thread. Any thread; neither blocks nor throws. */
    void execute(Runnable task);

    /** Something may have changed: to be answered by {@link Following#tell}. */
    void look();

    /** Carries an event that is no output. */
    void tell(Event.Interim event);

    /** There may be output, or the end: to be answered by {@link Following#next}. */
    void ready();

    /** Carries the last event; the seat is left already. */
    void finish(Event.Final event);
  }

  private Following(Job job, NodeIdentity node, Outlet outlet) {
    this.job = job;
    this.node = node;
    this.outlet = outlet;
    job.spec().window().ifPresent(window -> creditEnd = window);
    this.reader = job.takeSeat(this::wake);
  }

  /** Takes the runner's seat of a job that was not started yet. */
  public static Following run(Job job, NodeIdentity node, Outlet outlet) {
    return new Following(job, node, outlet);
  }

  public Job job() {
    return job;
  }

  // Many changes make one look.
  private void wake() {
    if (woken.compareAndSet(false, true)) {
      outlet.execute(
          () -> {
            // Before the look: what changes during it wakes us again.
            woken.set(false);
            outlet.look();
          });
    }
  }

  /** Tells what there is to tell but output, and asks for a turn for that. */
  public void tell() {
    if (over) {
      return;
    }
    RefusedException refusal = job.refusal();
    if (refusal != null) {
      finish(new Event.Failed(refusal.code(), refusal.getMessage(), job.id()));
      return;
    }
    tellWhatCameBefore();
    tellExited();
    outlet.ready();
  }

  /**
   * Gives the next output that credit allows to the taker, who closes the lease; or finishes, if
   * everything was read.
   *
   * @return whether there was output
   */
  public boolean next(int maxBytes, Consumer<Lease> taker) {
    if (over) {
      return false;
    }
    long credit = creditEnd - reader.position();
    Lease lease = credit > 0 ? reader.next((int) Math.min(credit, maxBytes)) : null;
    if (lease == null) {
      End end = reader.end();
      if (end != null) {
        tellWhatCameBefore();
        finish(new Event.Ended(end, 0));
      }
      return false;
    }
    tellStarted();
    long end = lease.end();
    taker.accept(lease);
    if (job.spec().window().isEmpty()) {
      // The lease alone keeps the bytes until they were taken.
      reader.consumed(end);
    }
    return true;
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
    if (job.spec().window().isPresent()) {
      creditEnd = Math.max(creditEnd, offset + job.spec().window().getAsLong());
      reader.consumed(offset);
      if (!over) {
        outlet.ready();
      }
    }
  }

  /**
   * Bytes for the process.
   *
   * @throws BadNoticeException if they don't follow what came before, or go beyond the credit
   */
  public void stdin(long offset, byte[] bytes, boolean eof) throws BadNoticeException {
    switch (job.offerStdin(offset, bytes, eof)) {
      case TAKEN -> {}
      case DUPLICATE -> {
        stdinTold = -1;
        eofTold = false;
        tell();
      }
      case HOLE -> throw badStdin(offset, bytes, "leaves a hole");
      case OVERRUN ->
          throw badStdin(offset, bytes, "beyond the window of " + Job.STDIN_WINDOW_BYTES);
      case BEYOND_EOF -> throw badStdin(offset, bytes, "contradicts an earlier eof");
    }
  }

  private static BadNoticeException badStdin(long offset, byte[] bytes, String what) {
    return new BadNoticeException("stdin: " + bytes.length + " bytes at " + offset + ": " + what);
  }

  /** The client is gone. Idempotent. */
  public void leave() {
    if (!over) {
      over = true;
      job.leaveSeat();
    }
  }

  // All may have happened since tell() looked. Nothing happens after the end.
  private void tellWhatCameBefore() {
    tellStarted();
    if (startedTold) {
      tellStdin();
    }
  }

  private void tellStarted() {
    Job.Started started = job.started();
    if (startedTold || started == null) {
      return;
    }
    startedTold = true;
    outlet.tell(
        new Event.Started(
            job.id(),
            node.name(),
            node.boot(),
            started.pid(),
            job.state(),
            job.hasStdin() ? (Integer) Job.STDIN_WINDOW_BYTES : null,
            false,
            0));
  }

  private void tellStdin() {
    if (!job.hasStdin() || stdinClosedTold || eofTold) {
      return;
    }
    if (job.isStdinBroken()) {
      stdinClosedTold = true;
      outlet.tell(new Event.StdinClosed(job.id()));
      return;
    }
    // Read before the count: the count is final once this is true.
    boolean eof = job.isStdinEnded();
    long taken = job.stdinTaken();
    if (taken > stdinTold || eof) {
      stdinTold = taken;
      eofTold = eof;
      outlet.tell(new Event.StdinAck(job.id(), taken, eof));
    }
  }

  private void tellExited() {
    ExitStatus status = job.exitStatus();
    if (status != null && !exitedTold && job.state() == JobState.DRAINING) {
      exitedTold = true;
      outlet.tell(new Event.Exited(job.id(), status));
    }
  }

  // The place is given back first: a client that has its end may start its next command at once.
  private void finish(Event.Final event) {
    over = true;
    job.leaveSeat();
    outlet.finish(event);
  }
}
