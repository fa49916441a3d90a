package dev.runnel.client;

import dev.runnel.model.Event;
import dev.runnel.model.JobId;
import dev.runnel.model.JobSpec;
import dev.runnel.model.Request;
import dev.runnel.model.Retention;
import dev.runnel.model.Role;
import java.time.Duration;
import java.util.OptionalLong;
import java.util.UUID;

/**
 * How a job is asked for: at first, and again over another connection. Immutable.
 *
 * @param asked as the application has it
 * @param request the same with a window; a run that may be resumed has a name
 */
record FollowRequest(Request asked, Request request, long window) {
  /** Of an attach that names none; no job retains less, unless it was told to. */
  private static final long ATTACH_WINDOW_BYTES = 64 * 1024;

  /**
   * A run with a window; if its connection may be lost, by a name under which it can be found
   * again, and going on until then.
   */
  static FollowRequest of(Request.Run run, Duration linger) {
    JobSpec spec = run.spec();
    long window = spec.lastingWindow();
    JobSpec paced = spec.withWindow(OptionalLong.of(window));
    if (linger.isZero()) {
      return new FollowRequest(run, run.withSpec(paced), window);
    }
    JobId job = run.job() == null ? new JobId(UUID.randomUUID().toString()) : run.job();
    String once = run.once() == null ? UUID.randomUUID().toString() : run.once();
    Retention lasting = spec.lasting();
    JobSpec lasts =
        lasting.linger().isZero() ? paced.withLasting(lasting.withLinger(linger)) : paced;
    Request.Run named = new Request.Run(job, once, lasts, run.boot(), run.placement());
    return new FollowRequest(run, named, window);
  }

  /** An attach with a window. */
  static FollowRequest of(Request.Attach attach) {
    long window = attach.window().orElse(ATTACH_WINDOW_BYTES);
    return new FollowRequest(attach, attach.withWindow(OptionalLong.of(window)), window);
  }

  /**
   * Over another connection, before any answer about the job.
   *
   * @param boot the life of the node that was asked
   */
  Request again(String boot) {
    if (request instanceof Request.Run run) {
      return run.withBoot(boot);
    }
    Request.Attach attach = (Request.Attach) request;
    return new Request.Attach(attach.job(), boot, attach.from(), attach.window(), attach.role());
  }

  /** To go on from that offset, with so much credit. */
  Request from(Event.Started begun, long next, long credit) {
    Role role = request instanceof Request.Attach attach ? attach.role() : Role.RUNNER;
    return new Request.Attach(
        begun.job(), begun.boot(), OptionalLong.of(next), OptionalLong.of(credit), role);
  }
}
