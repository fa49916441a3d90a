package dev.runnel.cli;

import dev.runnel.model.JobId;
import dev.runnel.model.JobSpec;
import dev.runnel.model.Request;
import java.time.Duration;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * How a run survives the loss of its connection.
 *
 * @param linger how long it is tried anew, and how long the job goes on without us
 * @param heartbeat null: none, for where a loss is told at once
 * @param asked how often the server is to ask us; null: never
 */
record ResumeOptions(Duration linger, @Nullable Duration heartbeat, @Nullable Duration asked) {
  static final Duration DEFAULT_LINGER = Duration.ofSeconds(60);
  private static final Duration MIN_HEARTBEAT = Duration.ofMillis(100);
  private static final Duration DEFAULT_HEARTBEAT = Duration.ofSeconds(10);

  /**
   * Null: the connection's loss is the job's end. So it is on this machine unless somebody asks: a
   * socket there is lost with one of its ends only.
   */
  static @Nullable ResumeOptions of(Arguments arguments, Target target) throws Failure {
    String given = arguments.value(ExecOptions.LINGER);
    if (arguments.has(ExecOptions.NO_RESUME)) {
      if (given != null) {
        throw Failure.usage("--linger and --no-resume as well");
      }
      return null;
    }
    Duration preset = target.defaults().linger();
    if (given == null && preset == null && !(target.host() instanceof Host.Tcp)) {
      return null;
    }
    return new ResumeOptions(
        given == null
            ? preset == null ? DEFAULT_LINGER : preset
            : Durations.parse(ExecOptions.LINGER, given, Duration.ofMillis(1)),
        heartbeat(arguments, target),
        askedHeartbeat(arguments, target));
  }

  /** Null where a loss is told at once. */
  static @Nullable Duration heartbeat(Arguments arguments, Target target) throws Failure {
    String text = arguments.value(ExecOptions.HEARTBEAT);
    if (text != null) {
      return Durations.parse(ExecOptions.HEARTBEAT, text, MIN_HEARTBEAT);
    }
    return target.host() instanceof Host.Tcp ? DEFAULT_HEARTBEAT : null;
  }

  /**
   * How often the server is to ask for a sign of life. We give none while we are stopped, however
   * that came about: unless somebody wants it otherwise, it takes hours until we are given up.
   */
  static @Nullable Duration askedHeartbeat(Arguments arguments, Target target) throws Failure {
    Duration ours = heartbeat(arguments, target);
    if (ours == null) {
      return null;
    }
    return arguments.has(ExecOptions.HEARTBEAT)
        ? Request.Hello.nearestHeartbeat(ours)
        : Request.Hello.MAX_HEARTBEAT;
  }

  /** The same run, by a name under which it can be found again, and going on until then. */
  Request.Run named(Request.Run run) {
    JobSpec spec = run.spec();
    OptionalLong window = OptionalLong.of(spec.lastingWindow());
    JobId job = run.job() == null ? new JobId(RandomNames.job()) : run.job();
    return new Request.Run(
        job,
        RandomNames.secret(),
        spec.withWindow(window).withLasting(spec.lasting().withLinger(linger)),
        run.boot(),
        run.placement());
  }
}
