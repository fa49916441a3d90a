package dev.runnel.cli;

import dev.runnel.model.Event;
import dev.runnel.model.JobId;
import dev.runnel.model.JobStatus;
import dev.runnel.model.Role;
import dev.runnel.model.SafeText;
import java.util.List;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** {@code runnel attach}: follows a job as if exec had started it. */
final class AttachVerb {
  private static final Option FROM =
      Option.value(
          "--from",
          "N|start|end",
          "the offset of the first byte to print: a number, start\n(0, the default), or end (only what is yet to come; the default\nwith -t)");
  private static final Option WATCH =
      Option.flag("--watch", "watch only: the client that has the job keeps it, and its\nstdin");
  private static final Option STDIN =
      Option.flag(ExecOptions.STDIN.name(), "send our stdin to the job").or("-i");

  private static final Option PTY =
      Option.flag(
              ExecOptions.PTY.name(),
              "take the job's terminal over: ours is its keys and screen, of our size")
          .or("-t");

  private static final Help.Section OWN =
      new Help.Section(
          "How",
          List.of(
              FROM,
              WATCH,
              STDIN,
              PTY,
              ExecOptions.ESCAPE,
              FollowVerb.RETRY,
              ExecOptions.HEARTBEAT,
              ExecOptions.QUIET));

  private static final String BEFORE =
      """
      Usage: runnel attach [-H HOST] [OPTION…] JOB

      Takes a job over: prints its output, also what it printed before, as far as the server has it,
      and ends with its exit code. Whoever followed it so before is told, and follows no longer.
      Nothing is lost while we follow: if we do not read, the command waits. Ctrl-C leaves the job,
      which goes on; runnel cancel ends it. With -t Ctrl-C is typed to the job, as all keys are, and
      ~. leaves it. JOB is its name, or a beginning of it that no other has.
      """;
  private static final String AFTER =
      """
      Exit code: the command's, as of runnel exec; 130 we left it; 255 anything else, also if the
      server no longer had all of the output.

      Example:
        runnel attach -H build-1 --from end nightly-7
      """;

  static final VerbDefinition DEFINITION =
      new VerbDefinition(
          BEFORE,
          List.of(OWN, ConnectionOptions.SECTION),
          AFTER,
          VerbDefinition.Code.OF_COMMAND,
          (context, arguments) ->
              new FollowVerb(Verb.ATTACH, context, arguments).run(AttachVerb::attach));

  private AttachVerb() {}

  private static ExecResult attach(FollowVerb verb, JobId word) throws Failure {
    boolean takesTerminal = verb.arguments().has(PTY);
    OptionalLong from = from(verb.arguments().value(FROM), takesTerminal);
    Role role = verb.arguments().has(WATCH) ? Role.WATCHER : Role.RUNNER;
    if (role == Role.WATCHER && verb.arguments().has(STDIN)) {
      throw Failure.usage("--watch and --stdin as well");
    }
    if (role == Role.WATCHER && takesTerminal) {
      throw Failure.usage("--watch and " + PTY.name() + " as well");
    }
    JobStatus status = verb.find(word);
    CliContext where = takesTerminal ? verb.lendTerminal(status) : verb.surroundings();
    FollowVerb.Followed followed = verb.follow(status, from, role, where);
    Event.Ended ended = followed.follower().follow();
    return ExecResult.of(
        ended, followed.follower().loss(), followed.control(), SafeText.oneLine(status.command()));
  }

  // What was drawn on another terminal is of no use on ours, and may hold questions to it.
  private static OptionalLong from(@Nullable String text, boolean takesTerminal) throws Failure {
    String word = text == null ? (takesTerminal ? "end" : "start") : text;
    if (word.equals("start")) {
      return OptionalLong.of(0);
    }
    return word.equals("end") ? OptionalLong.empty() : OptionalLong.of(Sizes.offset(FROM, word));
  }
}
