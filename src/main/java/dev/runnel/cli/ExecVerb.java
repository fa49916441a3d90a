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
  private static final Verdict LEFT =
      new Verdict(Failure.OURS, "left by an escape key; the command is ended", null, null);

  private final Surroundings surroundings;
  private final Arguments arguments;
  private final Conclusion conclusion;
  private final Leaving leaving;
  private Surroundings input;
  private @Nullable TerminalRelay relay;

  ExecVerb(Surroundings surroundings, CommandLine line) {
    this.surroundings = surroundings;
    this.input = surroundings;
    this.arguments = new Arguments(ExecOptions.TABLE, line);
    this.conclusion = new Conclusion(surroundings.err());
    this.leaving = new Leaving(conclusion, surroundings.halt());
  }

  int run() {
    try {
      arguments.read();
      if (arguments.has(ConnectionOptions.HELP)) {
        surroundings.out().print(ExecHelp.text());
        return 0;
      }
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
    return conclusion.tell(Verdict.of(failure));
  }

  private Verdict exec() throws Failure {
    prepareConclusion();
    Target target = ConnectionOptions.target(arguments, surroundings);
    Resume resume = Resume.of(arguments, target);
    Request.Run run = ExecOptions.run(arguments, surroundings, terminal());
    Opening opening =
        resume == null
            ? Opening.run(target.token() == null ? null : target.hello(), run)
            : Opening.run(target.hello(resume.asked()), resume.named(run));
    ByteBuffer[] frames = encode(opening);
    watchSignals();
    Link link = new Link(connect(target));
    try {
      JobControl job = new JobControl(link, JobControl.Parting.CANCEL, opening.job());
      leaving.job(job);
      if (relay != null) {
        job.lend(relay);
      }
      send(link, frames);
      Verdict verdict =
          follow(link, job, follower(link, job, opening, resumption(resume, target, link)));
      return target.host() == null && verdict.exitCode() == Verdict.NOT_FOUND
          ? hinting(verdict, opening.command())
          : verdict;
    } finally {
      link.close();
    }
  }

  private @Nullable Resumption resumption(@Nullable Resume resume, Target target, Link link)
      throws Failure {
    Duration heartbeat = Resume.heartbeat(arguments, target);
    if (heartbeat != null) {
      Heartbeat.start(link, heartbeat);
    }
    if (resume == null) {
      return null;
    }
    String afterwards = "the job may go on for " + Durations.show(resume.linger());
    leaving.afterwards(afterwards);
    return new Resumption(
        target, link.host(), resume.linger(), conclusion::note, ", and " + afterwards);
  }

  private RunFollower follower(
      Link link, JobControl job, Opening opening, @Nullable Resumption resumption) {
    RunFollower follower = new RunFollower(input, link, job, opening, resumption);
    if (resumption != null) {
      Pause pause = new Pause(link);
      follower.mayPause(pause);
      TerminalRelay lent = relay;
      surroundings
          .signals()
          .on("TSTP", lent == null ? pause::stop : () -> lent.suspend(pause::stop));
    }
    return follower;
  }

  // As of ssh: the host came first, and was taken for the command.
  private Verdict hinting(Verdict verdict, String command) throws Failure {
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
      conclusion.reportTo(Report.to(report));
    }
  }

  /** What the command is to run on; null: on no terminal. */
  private @Nullable Terminal terminal() throws Failure {
    if (!arguments.has(ExecOptions.PTY) && !arguments.has(ExecOptions.FORCE_PTY)) {
      return null;
    }
    boolean hasKeys = surroundings.input() == Surroundings.Input.TERMINAL;
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

  private static ByteBuffer[] encode(Opening opening) throws Failure {
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

  private Connection connect(Target target) throws Failure {
    if (target.host() != null) {
      return Connector.connect(target.host(), target);
    }
    Connection there = DefaultServer.tryConnect(surroundings.env(), target);
    if (there != null) {
      return there;
    }
    EmbeddedServer server = EmbeddedServer.start(arguments.value(ExecOptions.CWD));
    leaving.server(server);
    return Connector.connectOnce(server.awaitListening(), target);
  }

  private static Verdict follow(Link link, JobControl job, RunFollower follower) throws Failure {
    try {
      Event.Ended ended = follower.follow();
      return Verdict.of(ended, follower.loss(), job, follower.command());
    } catch (Failure e) {
      job.part();
      link.part();
      throw e;
    }
  }

  private static void send(Link link, ByteBuffer[] frames) {
    Connection connection = link.current();
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
    for (Signal signal : Leaving.SIGNALS) {
      surroundings.signals().on(signal.name(), () -> leaving.leave(signal));
    }
  }
}
