package dev.runnel.cli;

import dev.runnel.model.Event;
import dev.runnel.model.Request;
import dev.runnel.model.Signal;
import dev.runnel.model.Terminal;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** {@code runnel exec}: runs a command over there as if it ran here. For one run. */
final class ExecVerb {
  /** Of a job that can't be told any more the server knows by its linger. */
  private static final ExecResult LEFT =
      new ExecResult(Failure.OURS, "left by an escape key; the command is ended", null, null);

  private static final String BEFORE =
      """
      Usage: runnel exec [OPTION…] [--] CMD [ARG…]
             runnel exec [OPTION…] -c LINE
             runnel exec --on HOST,… | --hosts-file FILE | --all [OPTION…] [--] CMD [ARG…]

      Runs a command on HOST and streams its output back while it runs; without a host, on this
      machine. Options end at the first word that is none: what follows is the command's.
      Our stdin is sent to it, unless it is a terminal. Ctrl-C is sent to it, a second one ends it.
      With -t it has a terminal of its own there, and every key, Ctrl-C too, is a byte for it.
      On many nodes each line has its node's name in front, stdin is sent only with --stdin, and
      the exit code is the worst of all; what failed is named on stderr.
      """;

  private static final String AFTER =
      """
      TIME has a unit: 500ms, 30s, 5m, 2h. SIZE is in bytes, or has one: 64K, 1M, 2G.

      Exit code:
        the command's own, or 128+n if signal n ended it
        124       it timed out
        126, 127  it could not be started; 127: there is no such file
        130       Ctrl-C ended it
        141       nobody reads our output any more
        255       anything else: wrong usage, no server, a lost connection, output that is not all
                  there; one line on stderr says which

      Examples:
        runnel exec -- sh -c 'for i in 1 2 3; do echo $i; sleep 1; done; exit 3'
        runnel exec -H build-1 --cwd /src --timeout 30m -- make test
        runnel exec -H build-1 -t -- bash
        tar c . | runnel exec -H build-1 -- tar x -C /src
        runnel exec --on 'web[1-20],db1' --fold -- uname -r
      """;

  static final VerbDefinition DEFINITION = definition(null);

  /**
   * How it is used.
   *
   * @param fanOut runs a command on many nodes; null: nothing does
   */
  static VerbDefinition definition(Cli.@Nullable FanOut fanOut) {
    return new VerbDefinition(
        BEFORE,
        ExecOptions.SECTIONS,
        AFTER,
        VerbDefinition.Code.OF_COMMAND,
        VerbDefinition.Order.BEFORE_OPERANDS,
        new Body(fanOut));
  }

  private static final class Body implements VerbDefinition.Body {
    private final Cli.@Nullable FanOut fanOut;

    Body(Cli.@Nullable FanOut fanOut) {
      this.fanOut = fanOut;
    }

    @Override
    public int run(CliContext context, Arguments arguments) throws Failure, InterruptedException {
      if (FanOutOptions.areGiven(arguments)) {
        if (fanOut == null) {
          throw Failure.usage("not on many nodes from here");
        }
        return fanOut.run(FanOutEntry.order(context, arguments), context);
      }
      if (arguments.has(ExecOptions.DETACH)) {
        return RunVerb.detached(context, arguments);
      }
      return new ExecVerb(context, arguments).run();
    }

    // By the report as well.
    @Override
    public int refuse(CliContext context, Arguments read, Failure failure) {
      return new ExecVerb(context, read).fail(failure);
    }
  }

  private final CliContext surroundings;
  private final Arguments arguments;
  private final ExitReporter conclusion;
  private final SignalHandler leaving;
  private CliContext input;
  private @Nullable TerminalRelay relay;

  private ExecVerb(CliContext surroundings, Arguments arguments) {
    this.surroundings = surroundings;
    this.input = surroundings;
    this.arguments = arguments;
    this.conclusion = new ExitReporter(surroundings.err());
    this.leaving = new SignalHandler(conclusion, surroundings.halt());
  }

  private int run() {
    try {
      return conclusion.tell(exec());
    } catch (Failure e) {
      return fail(e);
    } catch (RuntimeException | Error e) {
      return fail(Failure.bug(e));
    } finally {
      leaving.closeServer();
    }
  }

  private int fail(Failure failure) {
    try {
      prepareConclusion();
    } catch (Failure _) {
      // Told already, or less important than what we are about to tell.
    }
    return conclusion.tell(ExecResult.of(failure, Verb.EXEC));
  }

  private ExecResult exec() throws Failure {
    prepareConclusion();
    Target target = ConnectionOptions.target(arguments, surroundings);
    ResumeOptions resume = ResumeOptions.of(arguments, target);
    Request.Run run = ExecOptions.run(arguments, surroundings, target.defaults(), terminal());
    FirstRequests opening =
        resume == null
            ? FirstRequests.run(target.token() == null ? null : target.hello(), run)
            : FirstRequests.run(target.hello(resume.asked()), resume.named(run));
    ByteBuffer[] frames = encode(opening);
    // One that may be asked for again is asked for when the server has said who it is.
    boolean greets = resume != null && opening.hello() != null;
    watchSignals();
    CurrentConnection link = new CurrentConnection(connect(target));
    try {
      JobControl job = new JobControl(link, JobControl.Parting.CANCEL, opening.job());
      leaving.job(job);
      if (relay != null) {
        job.lend(relay);
      }
      RunFollower follower = follower(link, job, opening, resumption(resume, target, link));
      if (greets) {
        follower.askWhenGreeted();
      }
      send(link, greets ? opening.greeting() : frames);
      ExecResult verdict = follow(link, job, follower);
      return verdict.exitCode() == ExecResult.NOT_FOUND && !arguments.has(ConnectionOptions.HOST)
          ? hinting(verdict, opening.command())
          : verdict;
    } finally {
      link.close();
    }
  }

  private @Nullable Reconnector resumption(
      @Nullable ResumeOptions resume, Target target, CurrentConnection link) throws Failure {
    Duration heartbeat = ResumeOptions.heartbeat(arguments, target);
    if (heartbeat != null) {
      ServerHeartbeat.start(link, heartbeat);
    }
    if (resume == null) {
      return null;
    }
    String afterwards = "the job may go on for " + Durations.show(resume.linger());
    leaving.afterwards(afterwards);
    return new Reconnector(
        target, link.host(), resume.linger(), conclusion::note, ", and " + afterwards);
  }

  private RunFollower follower(
      CurrentConnection link,
      JobControl job,
      FirstRequests opening,
      @Nullable Reconnector resumption) {
    RunFollower follower = new RunFollower(input, link, job, opening, resumption);
    if (resumption != null) {
      Suspension pause = new Suspension(link);
      follower.mayPause(pause);
      TerminalRelay lent = relay;
      surroundings
          .signals()
          .on("TSTP", lent == null ? pause::stop : () -> lent.suspend(pause::stop));
    }
    return follower;
  }

  // As of ssh: the host came first, and was taken for the command.
  private ExecResult hinting(ExecResult verdict, String command) throws Failure {
    if (command.matches("[^/@]+@[^/@]+")) {
      String user = command.substring(0, command.indexOf('@'));
      String host = command.substring(user.length() + 1);
      return verdict.hinting("; if " + host + " is the host: -H " + host + " --user " + user);
    }
    Path file = HostsFile.isName(command) ? HostsFile.of(surroundings.env()) : null;
    return file == null || HostsFile.find(file, command) == null
        ? verdict
        : verdict.hinting("; " + command + " is a host of " + file + ": -H " + command);
  }

  private void prepareConclusion() throws Failure {
    if (arguments.has(ExecOptions.QUIET)) {
      conclusion.hideNotes();
    }
    String report = arguments.value(ExecOptions.REPORT);
    if (report != null) {
      conclusion.reportTo(EndReport.to(report));
    }
  }

  /** What the command is to run on; null: on no terminal. */
  private @Nullable Terminal terminal() throws Failure {
    if (!arguments.has(ExecOptions.PTY) && !arguments.has(ExecOptions.FORCE_PTY)) {
      return null;
    }
    boolean hasKeys = surroundings.input() == CliContext.Input.TERMINAL;
    if (!hasKeys && !arguments.has(ExecOptions.FORCE_PTY)) {
      conclusion.note("no terminal for the command: our stdin is no terminal (see --force-pty)");
      return null;
    }
    TerminalRelay opened = TerminalRelay.open(surroundings.signals());
    conclusion.before(opened::giveBack);
    relay = opened;
    Character escape = ExecOptions.escape(arguments);
    if (hasKeys && escape != null) {
      input = surroundings.withIn(LeavingKeys.of(surroundings, escape, () -> leaving.leave(LEFT)));
    }
    return opened.asked(surroundings.env());
  }

  private static ByteBuffer[] encode(FirstRequests opening) throws Failure {
    try {
      return opening.frames();
    } catch (IllegalArgumentException e) {
      String message = String.valueOf(e.getMessage());
      throw Failure.usage(
          message.startsWith("header: ")
              ? message + ": arguments and --env are too long; --secret-env NAME takes more"
              : message);
    }
  }

  private BlockingConnection connect(Target target) throws Failure {
    if (target.host() != null) {
      return Connector.connect(target.host(), target);
    }
    BlockingConnection there = DefaultServer.tryConnect(surroundings.env(), target);
    if (there != null) {
      return there;
    }
    EmbeddedServer server = EmbeddedServer.start(arguments.value(ExecOptions.CWD));
    leaving.server(server);
    return Connector.connectOnce(server.awaitListening(), target);
  }

  private static ExecResult follow(CurrentConnection link, JobControl job, RunFollower follower)
      throws Failure {
    try {
      Event.Ended ended = follower.follow();
      return ExecResult.of(ended, follower.loss(), job, follower.command());
    } catch (Failure e) {
      job.part();
      link.part();
      throw e;
    }
  }

  private static void send(CurrentConnection link, ByteBuffer[] frames) {
    BlockingConnection connection = link.current();
    try {
      if (connection != null) {
        connection.send(frames);
      }
    } catch (IOException _) {
      // A server that closes says why before it does: whoever reads the connection tells.
    }
  }

  private void watchSignals() {
    surroundings.signals().on("INT", leaving::interrupt);
    surroundings.signals().on(QuitSignal.NAME, leaving::quit);
    for (Signal signal : SignalHandler.SIGNALS) {
      surroundings.signals().on(signal.name(), () -> leaving.leave(signal));
    }
  }
}
