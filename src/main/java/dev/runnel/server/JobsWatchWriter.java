package dev.runnel.server;

import dev.runnel.job.RejectedException;
import dev.runnel.model.Caller;
import dev.runnel.model.Event;
import dev.runnel.model.JobId;
import dev.runnel.model.JobStatus;
import dev.runnel.model.Request;
import dev.runnel.service.JobService;
import dev.runnel.service.JobWatch;
import dev.runnel.wire.EventEncoder;
import dev.runnel.wire.Limits;
import java.io.ByteArrayOutputStream;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An answer to {@code jobs} with {@code watch}, which goes on until it is detached: the list, and
 * then what changes, at the pace at which its peer reads. On the connection's event loop.
 */
final class JobsWatchWriter {
  private static final int JOBS_IN_A_TURN = 32;

  /** The next piece is made when less than this of the others is unread. */
  private static final int UNREAD_BYTES = 16 * 1024;

  /** A job that is over in less is told once. */
  private static final long PAUSE_MILLIS = 50;

  private final ServerConnection connection;
  private final OutboundBytes.Account unsent;
  private final @Nullable String id;
  private final JobWatch jobs;
  private boolean queued;
  private boolean resting;
  private boolean over;

  /**
   * @throws RejectedException if too many lists are watched
   */
  JobsWatchWriter(
      ServerConnection connection,
      @Nullable String id,
      JobService service,
      Caller caller,
      Request.Jobs which)
      throws RejectedException {
    this.connection = connection;
    this.unsent = connection.unsent();
    this.id = id;
    this.jobs = service.watch(caller, which, () -> connection.execute(this::changed));
  }

  // Not at once: more may follow.
  private void changed() {
    if (!resting && !over) {
      resting = true;
      connection.timer(
          PAUSE_MILLIS,
          () -> {
            resting = false;
            goOn();
          });
    }
  }

  /** Goes on in a turn of its own, unless its peer has still to read what there is. */
  void goOn() {
    if (!queued && !over && !resting && unsent.unreadAnswers() < UNREAD_BYTES && jobs.hasMore()) {
      queued = true;
      connection.awaitTurn();
    }
  }

  /** Its peer is gone, or wants no more; gives all back. Idempotent. */
  void close() {
    over = true;
    jobs.close();
  }

  /** Makes the next piece, if that was asked for. */
  void takeTurn() {
    if (!queued || over || !connection.socket().isOpen()) {
      return;
    }
    queued = false;
    JobWatch.Piece piece = jobs.next(JOBS_IN_A_TURN);
    if (!piece.jobs().isEmpty() || !piece.gone().isEmpty() || piece.reset() || piece.listed()) {
      send(piece);
      connection.flush();
    }
    goOn();
  }

  private void send(JobWatch.Piece piece) {
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    boolean isReset = piece.reset();
    for (JobStatus status : piece.jobs()) {
      byte[] element = EventEncoder.encodeStatus(status);
      // One byte for the comma or the opening bracket, one for the closing one.
      if (body.size() > 0
          && body.size() + element.length + 2 > unsent.allowance(Limits.MAX_BODY_BYTES)) {
        send(body, List.of(), isReset, false);
        isReset = false;
      }
      body.write(body.size() == 0 ? '[' : ',');
      body.writeBytes(element);
    }
    send(body, piece.gone(), isReset, piece.listed());
  }

  private void send(ByteArrayOutputStream body, List<JobId> gone, boolean reset, boolean listed) {
    if (body.size() == 0) {
      body.write('[');
    }
    body.write(']');
    byte[] bytes = body.toByteArray();
    body.reset();
    connection.answer(
        id, new Event.JobsPart(new Event.JobsPart.Watched(gone, reset, listed)), bytes);
  }
}
