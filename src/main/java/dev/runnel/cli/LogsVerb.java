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

  private static final Option TAIL =
      Option.value("--tail", "N", "begin at the last N lines of what there is").or("-n");

  private static final int MAX_TAIL = 1_000_000;

  /** How much of a log is looked through at first, and how much more each time. */
  private static final long FIRST_LOOK_BYTES = 64 * 1024;

  private static final int LOOK_FACTOR = 16;

  private static final Help.Section OWN =
      new Help.Section(
          "How",
          List.of(FOLLOW, TAIL, SINCE, FollowVerb.RETRY, ExecOptions.HEARTBEAT, ExecOptions.QUIET));

  private static final String BEFORE =
      """
      Usage: runnel logs [-H HOST] [-f] [--tail N | --since-offset N] JOB

      Prints a job's output, stdout on stdout and stderr on stderr, as far as the server has it. The
      job and its other clients are not slowed down: a client that is too slow gets a note of what
      it missed. JOB is the job's name, or a unique beginning of it. Lines are counted over both
      streams, in the order in which the server has them.
      """;
  private static final String AFTER =
      """
      Exit code: 0, however the job ended; 255 for any failure of ours, also if the server no longer
      had all of the output: a line on stderr says how much is missing.

      Examples:
        runnel logs -H build-1 -f nightly-7
        runnel logs -H build-1 -f --tail 20 nightly-7
      """;

  static final VerbDefinition DEFINITION =
      new VerbDefinition(
          BEFORE,
          List.of(OWN, ConnectionOptions.SECTION),
          AFTER,
          VerbDefinition.Code.OF_COMMAND,
          (context, arguments) ->
              new FollowVerb(Verb.LOGS, context, arguments).run(LogsVerb::print));

  private LogsVerb() {}

  private static ExecResult print(FollowVerb verb, JobId word) throws Failure {
    String since = verb.arguments().value(SINCE);
    String tail = verb.arguments().value(TAIL);
    if (since != null && tail != null) {
      throw Failure.usage(TAIL.name() + " and " + SINCE.name() + ": expected: one of them");
    }
    int lines = tail == null ? -1 : lines(tail);
    JobStatus status = verb.find(word);
    long from =
        since != null ? Sizes.offset(SINCE, since) : lines < 0 ? 0 : begin(verb, status, lines);
    long until = verb.arguments().has(FOLLOW) ? Long.MAX_VALUE : status.outputBytes();
    if (from == until && from > 0) {
      return new ExecResult(0, null, null, null);
    }
    RunFollower follower =
        verb.follow(status, OptionalLong.of(from), Role.WATCHER, verb.surroundings()).follower();
    Event.Ended ended = follower.followUntil(until);
    String loss = follower.loss();
    return new ExecResult(loss == null ? 0 : Failure.OURS, loss, null, ended);
  }

  private static int lines(String text) throws Failure {
    boolean digits = !text.isEmpty() && text.length() <= 7;
    for (int i = 0; i < text.length(); i++) {
      digits &= text.charAt(i) >= '0' && text.charAt(i) <= '9';
    }
    if (!digits || Integer.parseInt(text) > MAX_TAIL) {
      throw Failure.usage(
          TAIL.name() + ": " + text + " (expected: a number of lines up to " + MAX_TAIL + ")");
    }
    return Integer.parseInt(text);
  }

  // The offset at which the last lines begin: looks through more and more of the log's end.
  private static long begin(FollowVerb verb, JobStatus status, int lines) throws Failure {
    long end = status.outputBytes();
    long look = lines == 0 ? 0 : FIRST_LOOK_BYTES;
    while (look > 0) {
      long from = Math.max(0, end - look);
      LastLines last = new LastLines(lines);
      RunFollower follower =
          verb.follow(
                  status,
                  OptionalLong.of(from),
                  Role.WATCHER,
                  verb.surroundings().withOutputTo(last))
              .follower();
      var _ = follower.followUntil(end);
      verb.leaveAll();
      // What the server no longer has is told of by what follows.
      if (last.isEnough() || from == 0 || follower.loss() != null) {
        return last.isEnough() ? end - last.length() : from;
      }
      look *= LOOK_FACTOR;
    }
    return end;
  }
}
