package dev.runnel.api;

import dev.runnel.model.CommandSpec;
import dev.runnel.model.Event;
import dev.runnel.model.JobId;
import dev.runnel.model.JobSpec;
import dev.runnel.model.JobState;
import dev.runnel.model.JobStatus;
import dev.runnel.model.Request;
import dev.runnel.model.Role;
import dev.runnel.model.Signal;
import dev.runnel.model.TerminalSize;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.time.Duration;
import java.util.List;

/**
 * Runs commands, and follows jobs that are there. Any thread; a job lives on the context that asked
 * for it, or on a new one if the caller has none. Whatever fails does so with a {@link
 * CommandException}.
 */
public interface Commands {
  /** What {@link #collect} takes of a command's output, unless it is told otherwise. */
  long MAX_COLLECTED_BYTES = 16 << 20;

  /**
   * Runs a command, as the request names it. Done when its process is there; failed if it could not
   * be started. The job ends when the context's verticle is undeployed, unless its {@code
   * linger_ms} lets it go on.
   */
  Future<JobHandle> run(Request.Run run);

  /** Runs a command as a job that the node makes a name for. */
  default Future<JobHandle> run(JobSpec spec) {
    return run(new Request.Run(null, spec));
  }

  /** The same with every default. */
  default Future<JobHandle> run(CommandSpec command) {
    return run(JobSpec.of(command));
  }

  /**
   * Runs a command to its end, and collects what it writes, at most {@link #MAX_COLLECTED_BYTES}:
   * more fails it, and cancels the job. A nonzero exit is a result; {@code
   * map(CommandResult::checked)} fails for it.
   */
  default Future<CommandResult> collect(JobSpec spec) {
    return run(spec).compose(JobHandle::collect);
  }

  /** The same with every default. */
  default Future<CommandResult> collect(CommandSpec command) {
    return collect(JobSpec.of(command));
  }

  /** The same with an input; what of it the command does not read, nobody misses. */
  default Future<CommandResult> collect(CommandSpec command, Buffer input) {
    return run(command.withStdin(CommandSpec.Stdin.PIPE))
        .compose(
            job -> {
              var _ = job.input(input);
              return job.collect();
            });
  }

  /**
   * Follows a job that is there, running or ended, until its end. Done when the node has said from
   * where on; the job goes on whatever becomes of its follower, but for the runner's seat, which
   * the job's {@code linger_ms} is about.
   */
  Future<JobHandle> attach(Request.Attach attach);

  /** Watches a job, from the first byte that is still there. It may miss some. */
  default Future<JobHandle> watch(JobId job) {
    return attach(new Request.Attach(job, Role.WATCHER));
  }

  /** Takes a job's seat: all of its output, and its stdin. Whoever has it is sent away. */
  default Future<JobHandle> takeOver(JobId job) {
    return attach(new Request.Attach(job, Role.RUNNER));
  }

  /** Asks anything else that one event answers; failed if that is an error. */
  Future<Event> ask(Request request);

  /** Signals a job's process group. */
  default Future<JobState> signal(JobId job, Signal signal) {
    return ask(new Request.SendSignal(job, signal)).map(JobSession::state);
  }

  /** Ends a job with its whole tree, as {@link JobHandle#cancel} does. */
  default Future<JobState> cancel(JobId job) {
    return ask(new Request.Cancel(job)).map(JobSession::state);
  }

  /**
   * The same with a grace of that length at most.
   *
   * @throws IllegalArgumentException if it is negative
   */
  default Future<JobState> cancelWithin(JobId job, Duration grace) {
    return ask(new Request.Cancel(job, grace)).map(JobSession::state);
  }

  /** A job's terminal has another size now. */
  default Future<JobState> resize(JobId job, TerminalSize size) {
    return ask(new Request.Resize(job, size)).map(JobSession::state);
  }

  /** A job at this moment. */
  Future<JobStatus> status(JobId job);

  /** Those of the node's jobs that we may see, and that match. */
  Future<List<JobStatus>> jobs(Request.Jobs which);

  /** All of the node's jobs that we may see. */
  default Future<List<JobStatus>> jobs() {
    return jobs(Request.Jobs.ALL);
  }
}
