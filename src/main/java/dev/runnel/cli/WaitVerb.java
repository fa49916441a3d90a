package dev.runnel.cli;

import dev.runnel.model.Event;
import dev.runnel.model.JobId;
import dev.runnel.model.JobStatus;
import dev.runnel.model.Role;
import dev.runnel.model.SafeText;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.OptionalLong;

/** {@code runnel wait}: ends when jobs do, and as they did. */
final class WaitVerb {
  private static final Help.Section OWN =
      new Help.Section("How", List.of(FollowVerb.RETRY, ExecOptions.HEARTBEAT, ExecOptions.QUIET));

  private static final String BEFORE =
      """
      Usage: runnel wait [-H HOST] JOB…

      Waits for the end of jobs, all of them, and ends with a job's exit code; prints nothing of
      their output. A job that has ended is waited for no longer. JOB is a job's name, or a
      beginning of it that no other has.
      """;
  private static final String AFTER =
      """
      Exit code: the command's, as of runnel exec; of several, that of the first in their order
      that did not end with 0; 255 anything else.

      Examples:
        runnel wait -H build-1 nightly-7 && deploy
        runnel wait -H build-1 tests lint docs
      """;

  static final VerbDefinition DEFINITION =
      new VerbDefinition(
          BEFORE,
          List.of(OWN, ConnectionOptions.SECTION),
          AFTER,
          VerbDefinition.Code.OF_COMMAND,
          (context, arguments) ->
              new FollowVerb(Verb.WAIT, context, arguments).runJointly(WaitVerb::await));

  private WaitVerb() {}

  /**
   * A job that is waited for.
   *
   * @param name in front of what is said of it; empty: it is the only one
   */
  private record Awaited(String name, JobStatus found, FollowVerb.Followed followed) {
    ExecResult end() {
      try {
        Event.Ended ended = followed.follower().follow();
        // What we missed of the output nobody would have seen.
        String doubt = RunFollower.doubt(ended.end());
        return ExecResult.of(ended, doubt, followed.control(), SafeText.oneLine(found.command()));
      } catch (Failure e) {
        return new ExecResult(e.exitCode(), e.line(), null, null);
      }
    }
  }

  private static ExecResult await(FollowVerb verb, List<JobId> words) throws Failure {
    List<Awaited> all = new ArrayList<>();
    // Each is followed from now on: one that ends early may be forgotten before its turn comes.
    for (JobId word : words) {
      JobStatus found = verb.find(word);
      String name = words.size() == 1 ? "" : found.job() + ": ";
      all.add(new Awaited(name, found, follow(verb, found)));
    }
    ExecResult first = null;
    for (Awaited each : all) {
      ExecResult verdict = each.end().named(each.name());
      if (first == null) {
        first = verdict;
      } else if (first.exitCode() == 0 && verdict.exitCode() != 0) {
        verb.conclusion().mention(first);
        first = verdict;
      } else {
        verb.conclusion().mention(verdict);
      }
    }
    return Objects.requireNonNull(first);
  }

  private static FollowVerb.Followed follow(FollowVerb verb, JobStatus found) throws Failure {
    return verb.follow(found, OptionalLong.empty(), Role.WATCHER, verb.surroundings().silent());
  }
}
