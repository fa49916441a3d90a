package dev.runnel.server;

import dev.runnel.job.Job;
import dev.runnel.job.Lease;
import dev.runnel.job.LogReader;
import dev.runnel.job.RefusedException;
import dev.runnel.model.End;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.Event;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.JobState;
import dev.runnel.model.NodeIdentity;
import dev.runnel.wire.EventEncoder;
import dev.runnel.wire.Limits;
import dev.runnel.wire.ProtocolException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Follows a job for a connection, as its runner: tells what changes and sends the output that
 * credit allows, in the connection's turns. On the connection's event loop, but {@link #wake}.
 * PROTOCOL.md, "The log, following, and flow".
 */
final class SocketFollower {
  private final Connection connection;
  private final @Nullable String id;
  private final Job job;
  private final NodeIdentity node;
  private final LogReader reader;
  private final AtomicBoolean woken = new AtomicBoolean();

  // The offset that output may not reach; without a window the transport alone sets the pace.
  private long creditEnd = Long.MAX_VALUE;
  private boolean queued;
  private boolean startedSent;
  private boolean exitedSent;
  private boolean stdinClosedSent;
  private boolean eofAcked;
  private long stdinAcked = -1;
  private boolean over;

  SocketFollower(Connection connection, @Nullable String id, Job job, NodeIdentity node) {
    this.connection = connection;
    this.id = id;
    this.job = job;
    this.node = node;
    job.spec().window().ifPresent(window -> creditEnd = window);
    this.reader = job.takeSeat(this::wake);
  }

  Job job() {
    return job;
  }

  @Nullable String id() {
    return id;
  }

  /** Something about the job changed. Any thread; many calls make one look. */
  private void wake() {
    if (woken.compareAndSet(false, true)) {
      connection.execute(this::look);
    }
  }

  // Cleared before it looks: what changes during the look wakes it again.
  private void look() {
    woken.set(false);
    tell();
    connection.flush();
  }

  /** Sends what there is to say, and asks for a turn for output. */
  void tell() {
    if (over) {
      return;
    }
    RefusedException refusal = job.refusal();
    if (refusal != null) {
      finish(new Event.Failed(refusal.code(), refusal.getMessage(), job.id()));
      return;
    }
    tellStarted();
    if (startedSent) {
      tellStdin();
    }
    tellExited();
    askForTurn();
  }

  /**
   * Takes a turn: sends one frame of output, or the end.
   *
   * @return whether it wants another turn
   */
  boolean takeTurn() {
    queued = false;
    long credit = creditEnd - reader.position();
    if (over) {
      return false;
    }
    Lease lease = credit > 0 ? reader.next((int) Math.min(credit, Limits.MAX_BODY_BYTES)) : null;
    if (lease == null) {
      endIfRead();
      return false;
    }
    send(lease);
    return true;
  }

  /** The client has consumed all below the offset. */
  void ack(long offset) throws ProtocolException {
    if (offset > reader.position()) {
      throw new ProtocolException(
          ErrorCode.BAD_NOTICE, "offset: " + offset + " (sent: " + reader.position() + ")");
    }
    if (job.spec().window().isPresent()) {
      long window = job.spec().window().getAsLong();
      creditEnd = Math.max(creditEnd, offset + window);
      reader.consumed(offset);
      askForTurn();
    }
  }

  /** Bytes for the process. */
  void stdin(long offset, byte[] bytes, boolean eof) throws ProtocolException {
    switch (job.offerStdin(offset, bytes, eof)) {
      case TAKEN -> {}
      case DUPLICATE -> {
        stdinAcked = -1;
        tell();
      }
      case HOLE -> throw badStdin(offset, bytes, "leaves a hole");
      case OVERRUN -> throw badStdin(offset, bytes, "beyond the window of 65536");
      case BEYOND_EOF -> throw badStdin(offset, bytes, "contradicts an earlier eof");
    }
  }

  private static ProtocolException badStdin(long offset, byte[] bytes, String what) {
    return new ProtocolException(
        ErrorCode.BAD_NOTICE, "stdin: " + bytes.length + " bytes at " + offset + ": " + what);
  }

  /** The connection is gone. */
  void leave() {
    if (!over) {
      over = true;
      job.leaveSeat();
    }
  }

  private void tellStarted() {
    Job.Started started = job.started();
    if (startedSent || started == null) {
      return;
    }
    startedSent = true;
    answer(
        new Event.Started(
            job.id(),
            node.name(),
            node.boot(),
            started.pid(),
            job.state(),
            job.hasStdin() ? (Integer) Job.STDIN_WINDOW_BYTES : null,
            0));
  }

  private void tellStdin() {
    if (!job.hasStdin() || stdinClosedSent || eofAcked) {
      return;
    }
    if (job.isStdinBroken()) {
      stdinClosedSent = true;
      answer(new Event.StdinClosed(job.id()));
      return;
    }
    // Read before the count: the count is final once this is true.
    boolean eof = job.isStdinEnded();
    long taken = job.stdinTaken();
    if (taken > stdinAcked || eof) {
      stdinAcked = taken;
      eofAcked = eof;
      answer(new Event.StdinAck(job.id(), taken, eof));
    }
  }

  private void tellExited() {
    ExitStatus status = job.exitStatus();
    if (status != null && !exitedSent && job.state() == JobState.DRAINING) {
      exitedSent = true;
      answer(new Event.Exited(job.id(), status));
    }
  }

  private void askForTurn() {
    if (!queued && !over) {
      queued = true;
      connection.queueTurn(this);
    }
  }

  private void send(Lease lease) {
    byte[] header =
        EventEncoder.encode(
            id,
            new Event.Output(job.id(), lease.stream(), lease.offset()),
            (int) lease.bytes().byteSize());
    long end = lease.end();
    connection.socket().output(header, lease);
    if (job.spec().window().isEmpty()) {
      // The lease alone keeps the bytes until the transport has them.
      reader.consumed(end);
    }
  }

  private void endIfRead() {
    End end = reader.end();
    if (end != null) {
      finish(new Event.Ended(end, 0));
    }
  }

  // The place is given back first: a client that has its end may start its next command at once.
  private void finish(Event.Final event) {
    over = true;
    job.leaveSeat();
    connection.forget(this);
    answer(event);
  }

  private void answer(Event event) {
    connection.answer(id, event);
  }
}
