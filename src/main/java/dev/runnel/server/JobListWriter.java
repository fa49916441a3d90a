package dev.runnel.server;

import dev.runnel.model.Event;
import dev.runnel.model.JobStatus;
import dev.runnel.service.JobListing;
import dev.runnel.wire.EventEncoder;
import dev.runnel.wire.Limits;
import java.io.ByteArrayOutputStream;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * An answer to {@code jobs}, made piece by piece at the pace at which its peer reads it: however
 * long it is, nobody waits for all of it, and little of it is in memory. On the connection's event
 * loop.
 */
final class JobListWriter {
  private static final int JOBS_IN_A_TURN = 32;

  /** The next piece is made when less than this of the others is unread. */
  private static final int UNREAD_BYTES = 16 * 1024;

  private final ServerConnection connection;
  private final OutboundBytes.Account unsent;
  private final @Nullable String id;
  private final JobListing jobs;
  private final ByteArrayOutputStream body = new ByteArrayOutputStream();
  private int counted;
  private boolean queued;
  private boolean over;

  private final @Nullable Parts longer;

  /** A longer list that this one is a part of. */
  record Parts(Consumer<byte[]> part, Runnable onEnd) {}

  JobListWriter(ServerConnection connection, @Nullable String id, JobListing jobs) {
    this(connection, id, jobs, null);
  }

  JobListWriter(
      ServerConnection connection, @Nullable String id, JobListing jobs, @Nullable Parts longer) {
    this.longer = longer;
    this.connection = connection;
    this.unsent = connection.unsent();
    this.id = id;
    this.jobs = jobs;
  }

  /** Goes on in a turn of its own, unless its peer has still to read what there is. */
  void goOn() {
    if (!queued && !over && unsent.unreadAnswers() < UNREAD_BYTES) {
      queued = true;
      connection.awaitTurn();
    }
  }

  /** The last of it was sent, or its peer is gone. */
  boolean isOver() {
    return over;
  }

  /** Its peer is gone. Idempotent. */
  void drop() {
    over = true;
    body.reset();
    count();
  }

  /** Makes the next piece, if that was asked for. */
  void takeTurn() {
    if (!queued || over || !connection.socket().isOpen()) {
      return;
    }
    queued = false;
    for (JobStatus status : jobs.next(JOBS_IN_A_TURN)) {
      byte[] element = EventEncoder.encodeStatus(status);
      // One byte for the comma or the opening bracket, one for the closing one.
      if (body.size() > 0 && body.size() + element.length + 2 > maxBytes()) {
        send(new Event.JobsPart());
      }
      body.write(body.size() == 0 ? '[' : ',');
      body.writeBytes(element);
    }
    if (jobs.isOver()) {
      over = true;
      send(new Event.JobsEnd());
      connection.flush();
      connection.readSoon();
    } else {
      count();
      connection.flush();
      goOn();
    }
  }

  // Smaller ones where others leave much unread.
  private int maxBytes() {
    return unsent.allowance(Limits.MAX_BODY_BYTES);
  }

  private void send(Event event) {
    if (body.size() == 0) {
      body.write('[');
    }
    body.write(']');
    byte[] bytes = body.toByteArray();
    body.reset();
    count();
    if (longer == null) {
      connection.answer(id, event, bytes);
      return;
    }
    longer.part().accept(bytes);
    if (event.isFinal()) {
      longer.onEnd().run();
    }
  }

  private void count() {
    unsent.addInTheMaking(body.size() - counted);
    counted = body.size();
  }
}
