package dev.runnel.cli;

import dev.runnel.model.Event;
import dev.runnel.model.JobId;
import dev.runnel.model.JobStatus;
import dev.runnel.model.Role;
import java.util.List;
import java.util.OptionalLong;

/** {@code runnel logs}: a job's output, without any say in it. */
final class LogsVerb {
  private static final Option FOLLOW =
      Option.flag("--follow", "go on until the job's end").or("-f");
  private static final Option SINCE =
      Option.value("--since-offset", "N", "begin there, in bytes of both streams (default: 0)");

  private static final Help.Section OWN =
      new Help.Section(
          "How",
          List.of(FOLLOW, SINCE, FollowVerb.RETRY, ExecOptions.HEARTBEAT, ExecOptions.QUIET));

  private static final String BEFORE =
      """
      Usage: runnel logs [-H HOST] [-f] [--since-offset N] JOB

      Prints what a job has printed, stdout on stdout and stderr on stderr, as far as the server has
      it. It takes nothing from whoever runs the job, and holds nobody up: if we are too slow, we
      are told what we missed. JOB is its name, or a beginning of it that no other has.
      """;
  private static final String AFTER =
      """
      Exit code: 0, however the job ended; 255 anything else, also if the server no longer had all
      of what was asked for: a line on stderr says how much is missing.

      Example:
        runnel logs -H build-1 -f nightly-7
      """;

  private LogsVerb() {}

  static String help() {
    return Help.of(BEFORE, List.of(OWN, ConnectionOptions.SECTION), AFTER);
  }

  static int run(Surroundings surroundings, CommandLine line) throws Failure {
    return new FollowVerb("logs", surroundings, OWN.options(), line).run(help(), LogsVerb::print);
  }

  private static Verdict print(FollowVerb verb, JobId word) throws Failure {
    String since = verb.arguments().value(SINCE);
    long from = since == null ? 0 : Sizes.offset(SINCE, since);
    JobStatus status = verb.find(word);
    long until = verb.arguments().has(FOLLOW) ? Long.MAX_VALUE : status.outputBytes();
    if (from == until && from > 0) {
      return new Verdict(0, null, null, null);
    }
    RunFollower follower =
        verb.follow(status, OptionalLong.of(from), Role.WATCHER, verb.surroundings()).follower();
    Event.Ended ended = follower.followUntil(until);
    String loss = follower.loss();
    return new Verdict(loss == null ? 0 : Failure.OURS, loss, null, ended);
  }
}
