package dev.runnel.api;

import dev.runnel.model.Event;
import dev.runnel.model.JobId;
import dev.runnel.model.Request;
import io.vertx.core.Future;

/**
 * The way between one follower and its job's node. Owned by the follower, on its context; what the
 * node tells goes to {@link JobSession#take}, and that it can't any more to {@link
 * JobSession#fail}.
 */
public interface JobTransport {
  /** Sends a notice; that it did not arrive is the line's to notice. */
  void send(Request.Notice notice);

  /** Asks something about the job; failed with a {@link CommandException}, or an event itself. */
  Future<Event> ask(Request request);

  /** Nobody follows any more. Once, unless {@link #abandon}. */
  void close();

  /** The same, and the job is to end: nobody is going to read what it writes. */
  void abandon(JobId job);
}
