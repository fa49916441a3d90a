package dev.runnel.api;

import dev.runnel.model.JobId;
import dev.runnel.model.JobSpec;
import dev.runnel.model.JobStatus;
import dev.runnel.model.Request;
import dev.runnel.model.Role;
import io.vertx.core.Future;
import java.util.List;
import java.util.OptionalLong;

/**
 * Runs commands, and follows jobs that are there. Any thread; a job lives on the context that asked
 * for it, or on a new one if the caller has none. Whatever fails does so with a {@link
 * CommandException}.
 */
public interface Commands {
  /**
   * Runs a command, as the request names it. Done when its process is there; failed if it could not
   * be started. The job ends when the context's verticle is undeployed, unless its {@code
   * linger_ms} lets it go on.
   */
  Future<JobHandle> run(Request.Run run);

  /** Runs a command as a job that the node makes a name for. */
  default Future<JobHandle> run(JobSpec spec) {
    return run(new Request.Run(null, null, spec));
  }

  /**
   * Follows a job that is there, running or ended, until its end. Done when the node has said from
   * where on; the job goes on whatever becomes of its follower, but for the runner's seat, which
   * the job's {@code linger_ms} is about.
   */
  Future<JobHandle> attach(Request.Attach attach);

  /** Watches a job, from the first byte that is still there. It may miss some. */
  default Future<JobHandle> watch(JobId job) {
    return attach(attachment(job, Role.WATCHER));
  }

  /** Takes a job's seat: all of its output, and its stdin. Whoever has it is sent away. */
  default Future<JobHandle> takeOver(JobId job) {
    return attach(attachment(job, Role.RUNNER));
  }

  private static Request.Attach attachment(JobId job, Role role) {
    return new Request.Attach(job, null, OptionalLong.of(0), OptionalLong.empty(), role);
  }

  /** A job at this moment. */
  Future<JobStatus> status(JobId job);

  /** Those of the node's jobs that we may see, and that match. */
  Future<List<JobStatus>> jobs(Request.Jobs which);

  /** All of the node's jobs that we may see. */
  default Future<List<JobStatus>> jobs() {
    return jobs(new Request.Jobs(null, null, Request.Jobs.MAX_LIMIT));
  }
}
