package dev.runnel.cli;

import dev.runnel.model.Event;
import dev.runnel.model.JobSpec;
import dev.runnel.model.Request;
import dev.runnel.model.Retention;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** {@code runnel run}: starts a job that goes on without us. */
final class RunVerb {
  private static final Option ON_FULL =
      Option.value(
          "--on-full",
          "block|drop|spool",
          "when there is more output than is retained: the command\nwaits, the oldest goes, or it goes to the disk (spool, if\nthe server has it, else drop)");
  private static final Option SPOOL =
      Option.value("--spool", "SIZE", "how much of the disk its output may take");
  private static final Option KEEP =
      Option.value("--keep", "TIME", "how long its end and output are kept (default: 24h)");
  private static final Duration DEFAULT_KEEP = Duration.ofHours(24);

  /** What docker's fingers add: it is so anyway. */
  private static final Option DETACH = Option.flag(ExecOptions.DETACH.name(), "").or("-d");

  private static final List<Option> NOT_DETACHED =
      List.of(
          ExecOptions.STDIN,
          ExecOptions.PTY,
          ExecOptions.FORCE_PTY,
          ExecOptions.WINDOW,
          ExecOptions.LINGER,
          ExecOptions.NO_RESUME,
          ExecOptions.HEARTBEAT,
          ExecOptions.REPORT);

  private static final List<Help.Section> SECTIONS =
      List.of(
          new Help.Section(
              "What",
              List.of(
                  ExecOptions.SHELL,
                  ExecOptions.CWD,
                  ExecOptions.ENV,
                  ExecOptions.MERGE,
                  ExecOptions.JOB,
                  LabelOption.OF_JOB)),
          new Help.Section(
              "How long, how much",
              List.of(
                  ExecOptions.TIMEOUT,
                  ExecOptions.GRACE,
                  ExecOptions.DRAIN,
                  ExecOptions.DRAIN_MAX,
                  ExecOptions.LEFTOVERS,
                  ExecOptions.RETAIN,
                  ON_FULL,
                  SPOOL,
                  KEEP)),
          RestrictionOptions.SECTION,
          ConnectionOptions.SECTION,
          new Help.Section(
              "And", List.of(ExecOptions.BOOT, FollowVerb.RETRY, ExecOptions.QUIET, DETACH)));

  private static final String BEFORE =
      """
      Usage: runnel run [OPTION…] [--] CMD [ARG…]
             runnel run [OPTION…] -c LINE

      Starts a command on HOST, prints the name of its job, and leaves it running. It has no stdin.
      runnel logs, attach and wait follow it, from anywhere; status and jobs tell of it.
      """;
  private static final String AFTER =
      """
      TIME has a unit: 500ms, 30s, 5m, 2h. SIZE is in bytes, or has one: 64K, 1M, 2G.

      Exit code: 0 it runs; 126, 127 it could not be started, as of runnel exec; 2 wrong usage; 255
      anything else: a line on stderr says whether it may run all the same.

      Example:
        job=$(runnel run -H build-1 --cwd /src -- make nightly)
        runnel wait -H build-1 $job && runnel logs -H build-1 $job
      """;

  static final VerbDefinition DEFINITION =
      new VerbDefinition(
          BEFORE,
          SECTIONS,
          AFTER,
          VerbDefinition.Code.OWN,
          VerbDefinition.Order.BEFORE_OPERANDS,
          (context, arguments) -> new RunVerb(context, arguments).run());

  private final CliContext surroundings;
  private final Arguments arguments;
  private final ExitReporter conclusion;

  private RunVerb(CliContext surroundings, Arguments arguments) {
    this.surroundings = surroundings;
    this.arguments = arguments;
    this.conclusion = new ExitReporter(surroundings.err());
  }

  /** {@code exec -d}: the same with exec's options, of which some need a client that stays. */
  static int detached(CliContext context, Arguments arguments) throws Failure {
    for (Option option : NOT_DETACHED) {
      if (arguments.has(option)) {
        throw Failure.usage(ExecOptions.DETACH.name() + " and " + option.name() + " as well");
      }
    }
    return new RunVerb(context, arguments).run();
  }

  private int run() throws Failure {
    if (arguments.has(ExecOptions.QUIET)) {
      conclusion.hideNotes();
    }
    Target target = ConnectionOptions.target(arguments, surroundings);
    Request.Run run =
        ExecOptions.run(arguments, surroundings.withoutInput(), target.defaults(), null);
    Retention.OnFull onFull = onFull(arguments.value(ON_FULL));
    CurrentConnection link = new CurrentConnection(connect(target));
    try {
      return start(link, target, run, onFull);
    } finally {
      link.close();
    }
  }

  private int start(
      CurrentConnection link, Target target, Request.Run run, Retention.@Nullable OnFull onFull)
      throws Failure {
    BlockingConnection first = Objects.requireNonNull(link.current());
    Event.Hello server = RequestClient.greet(first, target.hello(), target.connectTimeout());
    Request.Run lasting = lasting(run, server, onFull);
    try {
      first.send(FirstRequests.run(null, lasting).frames());
    } catch (IllegalArgumentException e) {
      throw Failure.usage(String.valueOf(e.getMessage()));
    } catch (IOException _) {
      // A server that closes says why before it does: whoever reads the connection tells.
    }
    JobControl control = new JobControl(link, JobControl.Parting.DETACH, lasting.job());
    RunFollower follower =
        new RunFollower(
            surroundings.silent(),
            link,
            control,
            FirstRequests.run(target.hello(), lasting),
            resumption(target, link));
    Event.Ended ended = follower.followUntil(0);
    if (ended != null && !follower.hasStarted()) {
      String command = run.spec().command().argv().getFirst().toString();
      return conclusion.tell(ExecResult.of(ended, null, control, command));
    }
    try {
      surroundings.out().print(lasting.job() + "\n");
    } catch (Failure e) {
      // Else nobody would know which job it is.
      throw Failure.of(lasting.job() + " runs, but its name could not be printed: " + e.line());
    }
    return 0;
  }

  private BlockingConnection connect(Target target) throws Failure {
    Host host = target.host() == null ? DefaultServer.find(surroundings.env()) : target.host();
    if (host == null) {
      throw DefaultServer.missing(surroundings.env());
    }
    return Connector.connect(host, target);
  }

  private Reconnector resumption(Target target, CurrentConnection link) throws Failure {
    String retry = arguments.value(FollowVerb.RETRY);
    Duration patience =
        retry == null
            ? ResumeOptions.DEFAULT_LINGER
            : Durations.parse(FollowVerb.RETRY, retry, Duration.ofMillis(1));
    return new Reconnector(target, link.host(), patience, conclusion::note, "");
  }

  /** The same run, to go on by itself, by names under which it is started once. */
  private Request.Run lasting(
      Request.Run run, Event.Hello server, Retention.@Nullable OnFull wanted) throws Failure {
    boolean spools = server.features().contains("spool");
    Retention.OnFull onFull =
        wanted == null ? (spools ? Retention.OnFull.SPOOL : Retention.OnFull.DROP) : wanted;
    String spool = arguments.value(SPOOL);
    if (spool != null && onFull != Retention.OnFull.SPOOL) {
      throw Failure.usage("--spool: output does not go to the disk");
    }
    String keep = arguments.value(KEEP);
    Retention lasting =
        new Retention(
            Retention.FOREVER,
            keep == null ? DEFAULT_KEEP : Durations.parse(KEEP, keep, Duration.ZERO),
            onFull,
            spool == null
                ? OptionalLong.empty()
                : OptionalLong.of(Sizes.parse(SPOOL, spool, JobSpec.MIN_WINDOW)));
    Request.Run named = new ResumeOptions(Retention.FOREVER, null, null).named(run);
    String boot = run.boot() == null ? server.boot() : run.boot();
    return named.withSpec(named.spec().withLasting(lasting)).withBoot(boot);
  }

  private static Retention.@Nullable OnFull onFull(@Nullable String name) throws Failure {
    if (name == null) {
      return null;
    }
    for (Retention.OnFull onFull : Retention.OnFull.values()) {
      if (onFull.wireName().equals(name)) {
        return onFull;
      }
    }
    throw Failure.usage(ON_FULL.name() + ": " + name + " (expected: block, drop or spool)");
  }
}
