package dev.runnel.cli;

import dev.runnel.model.CommandSpec;
import dev.runnel.model.JobId;
import dev.runnel.model.Request;
import dev.runnel.model.Role;
import dev.runnel.wire.RequestEncoder;
import java.nio.ByteBuffer;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * What is sent first over each connection: who we are, and which job we want to run or follow.
 *
 * @param hello null: the server need not know who we are
 * @param request a {@code run} or an {@code attach}
 * @param stdin whether ours is the job's
 */
record FirstRequests(Request.@Nullable Hello hello, Request request, Stdin stdin) {

  /** What becomes of our stdin. */
  enum Stdin {
    SENT,
    KEPT
  }

  /** To run a command; whether it has a stdin says whether ours is sent. */
  static FirstRequests run(Request.@Nullable Hello hello, Request.Run run) {
    boolean sent = run.spec().command().stdin() == CommandSpec.Stdin.PIPE;
    return new FirstRequests(hello, run, sent ? Stdin.SENT : Stdin.KEPT);
  }

  boolean sendsStdin() {
    return stdin == Stdin.SENT;
  }

  /** The job's name; null: the server makes it. */
  @Nullable JobId job() {
    return request instanceof Request.Run run ? run.job() : ((Request.Attach) request).job();
  }

  /** The command, as far as we know it. */
  String command() {
    return request instanceof Request.Run run
        ? run.spec().command().argv().getFirst().toString()
        : String.valueOf(job());
  }

  /** The credit that is given; 0: none. */
  long window() {
    OptionalLong window =
        request instanceof Request.Run run
            ? run.spec().window()
            : ((Request.Attach) request).window();
    return window.orElse(0);
  }

  /**
   * Over the first connection.
   *
   * @throws IllegalArgumentException if it does not fit a frame
   */
  ByteBuffer[] frames() {
    return frames(request);
  }

  /**
   * Over another one, before any answer about the job.
   *
   * @param boot the life of the server that was asked; null: it had not said even that
   */
  ByteBuffer[] framesAgain(@Nullable String boot) {
    if (request instanceof Request.Run run) {
      String life = boot == null ? run.boot() : boot;
      // A server that was started since would run it again: so it is only asked for what it has.
      return frames(
          life == null
              ? attach(run.job(), null, 0)
              : new Request.Run(run.job(), run.once(), life, run.spec()));
    }
    Request.Attach attach = (Request.Attach) request;
    return frames(
        new Request.Attach(attach.job(), boot, attach.from(), attach.window(), attach.role()));
  }

  /** Over another one, to go on from that offset. */
  ByteBuffer[] framesFrom(JobId job, String boot, long next) {
    return frames(attach(job, boot, next));
  }

  private Request.Attach attach(@Nullable JobId job, @Nullable String boot, long next) {
    if (job == null) {
      throw new IllegalStateException("a job without a name cannot be found again");
    }
    Role role = request instanceof Request.Attach attach ? attach.role() : Role.RUNNER;
    OptionalLong window = window() == 0 ? OptionalLong.empty() : OptionalLong.of(window());
    return new Request.Attach(job, boot, OptionalLong.of(next), window, role);
  }

  private ByteBuffer[] frames(Request what) {
    ByteBuffer request = ByteBuffer.wrap(RequestEncoder.encode(RunFollower.ID, what));
    return hello == null
        ? new ByteBuffer[] {request}
        : new ByteBuffer[] {ByteBuffer.wrap(RequestEncoder.encode("hello", hello)), request};
  }
}
