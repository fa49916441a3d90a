package dev.runnel.cli;

import dev.runnel.model.CommandSpec;
import dev.runnel.model.JobId;
import dev.runnel.model.Request;
import dev.runnel.model.Role;
import dev.runnel.wire.RequestEncoder;
import java.nio.ByteBuffer;
import java.util.Arrays;
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

  /** Who we are; nothing, if the server need not know it. */
  ByteBuffer[] greeting() {
    return hello == null
        ? new ByteBuffer[0]
        : new ByteBuffer[] {ByteBuffer.wrap(RequestEncoder.encode("hello", hello))};
  }

  /**
   * Who we are, and what we want, at once.
   *
   * @throws IllegalArgumentException if it does not fit a frame
   */
  ByteBuffer[] frames() {
    ByteBuffer[] greeting = greeting();
    ByteBuffer[] all = Arrays.copyOf(greeting, greeting.length + 1);
    all[greeting.length] = frame(request);
    return all;
  }

  /**
   * What we want, from a server that knows who we are.
   *
   * @throws IllegalArgumentException if it does not fit a frame
   */
  ByteBuffer frame() {
    return frame(request);
  }

  /**
   * The same over another connection, before any answer about the job.
   *
   * @param boot the life of the server that was asked
   */
  ByteBuffer frameAgain(String boot) {
    if (request instanceof Request.Run run) {
      return frame(run.withBoot(boot));
    }
    Request.Attach attach = (Request.Attach) request;
    return frame(
        new Request.Attach(attach.job(), boot, attach.from(), attach.window(), attach.role()));
  }

  /** Over another one, to go on from that offset. */
  ByteBuffer frameFrom(JobId job, String boot, long next) {
    return frame(attach(job, boot, next));
  }

  private Request.Attach attach(JobId job, String boot, long next) {
    Role role = request instanceof Request.Attach attach ? attach.role() : Role.RUNNER;
    OptionalLong window = window() == 0 ? OptionalLong.empty() : OptionalLong.of(window());
    return new Request.Attach(job, boot, OptionalLong.of(next), window, role);
  }

  private static ByteBuffer frame(Request what) {
    return ByteBuffer.wrap(RequestEncoder.encode(RunFollower.ID, what));
  }
}
