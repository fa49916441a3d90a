package dev.runnel.cli;

import dev.runnel.model.Event;
import dev.runnel.model.JobId;
import dev.runnel.model.JobStatus;
import dev.runnel.model.Role;
import java.util.List;
import java.util.OptionalLong;

/** {@code runnel wait}: ends when a job does, and as it did. */
final class WaitVerb {
  private static final Help.Section OWN =
      new Help.Section("How", List.of(FollowVerb.RETRY, ExecOptions.HEARTBEAT, ExecOptions.QUIET));

  private static final String BEFORE =
      """
      Usage: runnel wait [-H HOST] JOB

      Waits for a job's end and ends with its exit code; prints nothing of its output. A job that
      has ended is waited for no longer. JOB is its name, or a beginning of it that no other has.
      """;
  private static final String AFTER =
      """
      Exit code: the command's, as of runnel exec; 255 anything else.

      Example:
        runnel wait -H build-1 nightly-7 && deploy
      """;

  private WaitVerb() {}

  static String help() {
    return Help.of(BEFORE, List.of(OWN, ConnectionOptions.SECTION), AFTER);
  }

  static int run(Surroundings surroundings, CommandLine line) throws Failure {
    return new FollowVerb("wait", surroundings, OWN.options(), line).run(help(), WaitVerb::await);
  }

  private static Verdict await(FollowVerb verb, JobId word) throws Failure {
    JobStatus status = verb.find(word);
    FollowVerb.Followed followed =
        verb.follow(status, OptionalLong.empty(), Role.WATCHER, verb.surroundings().silent());
    Event.Ended ended = followed.follower().follow();
    // What we missed of the output nobody would have seen.
    String doubt = RunFollower.doubt(ended.end());
    return Verdict.of(ended, doubt, followed.control(), Text.oneLine(status.command()));
  }
}
