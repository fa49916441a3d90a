package dev.runnel.cli;

import dev.runnel.model.ErrorCode;
import dev.runnel.model.Event;
import dev.runnel.model.JobId;
import dev.runnel.model.JobStatus;
import dev.runnel.model.Request;
import dev.runnel.model.Role;
import dev.runnel.model.Signal;
import dev.runnel.model.TerminalSize;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** A verb that follows a job which is there already. For one run, on the main thread. */
final class FollowVerb {
  static final Option RETRY =
      Option.value("--retry", "TIME", "how long a lost connection is tried anew (default: 60s)");

  /** However large the log: on a server short of memory it may hold no more. */
  private static final long WINDOW_BYTES = 65_536;

  private final Verb verb;
  private final CliContext surroundings;
  private final Arguments arguments;
  private final ExitReporter conclusion;
  private final SignalHandler leaving;
  private @Nullable TerminalRelay relay;
  private final List<CurrentConnection> links = new ArrayList<>();
  private @Nullable Target target;
  private @Nullable String given;

  /** What one verb does with its job. */
  interface Plan {
    ExecResult carryOut(FollowVerb verb, JobId word) throws Failure;
  }

  /** What one verb does with its jobs, of which there is one at least. */
  interface JointPlan {
    ExecResult carryOut(FollowVerb verb, List<JobId> words) throws Failure;
  }

  /**
   * A job that is being followed.
   *
   * @param control by which it is left
   */
  record Followed(RunFollower follower, JobControl control) {}

  FollowVerb(Verb verb, CliContext surroundings, Arguments arguments) {
    this.verb = verb;
    this.surroundings = surroundings;
    this.arguments = arguments;
    this.conclusion = new ExitReporter(surroundings.err());
    this.leaving = new SignalHandler(conclusion, surroundings.halt());
  }

  Arguments arguments() {
    return arguments;
  }

  CliContext surroundings() {
    return surroundings;
  }

  ExitReporter conclusion() {
    return conclusion;
  }

  /** Returns the exit code. */
  int run(Plan plan) {
    return runJointly(
        (verb, _) -> {
          String word = arguments.expectOperands("JOB").getFirst().toString();
          return plan.carryOut(verb, ExecOptions.jobId("JOB", word));
        });
  }

  /** The same for any number of jobs. */
  int runJointly(JointPlan plan) {
    try {
      if (arguments.has(ExecOptions.QUIET)) {
        conclusion.hideNotes();
      }
      given = arguments.value(ConnectionOptions.HOST);
      return conclusion.tell(plan.carryOut(this, ExecOptions.jobIds(arguments)));
    } catch (Failure e) {
      return conclusion.tell(ExecResult.of(e, verb));
    } finally {
      leaveAll();
    }
  }

  /** What was followed so far is not followed any more. */
  void leaveAll() {
    links.forEach(CurrentConnection::close);
    links.clear();
  }

  /** Asks for the job of that name, or that alone begins so. */
  JobStatus find(JobId word) throws Failure {
    try (RequestClient inquiry = RequestClient.open(target(), surroundings)) {
      return JobNames.find(inquiry, word);
    }
  }

  /**
   * Has our terminal take the job's over, from the next {@link #follow} on.
   *
   * @return what is to be followed with
   */
  CliContext lendTerminal(JobStatus found) throws Failure {
    if (surroundings.input() != CliContext.Input.TERMINAL) {
      throw Failure.usage(ExecOptions.PTY.name() + ": our stdin is no terminal");
    }
    Character escape = ExecOptions.escape(arguments);
    TerminalRelay opened = TerminalRelay.open(surroundings.signals());
    checkTerminal(found.job(), opened);
    opened.redraw();
    conclusion.before(opened::giveBack);
    relay = opened;
    ExecResult left = new ExecResult(Failure.OURS, left(found.job()), null, null);
    CliContext lent = surroundings.withIn(opened.keys(surroundings.in()));
    return escape == null
        ? lent
        : lent.withIn(LeavingKeys.of(lent, escape, () -> leaving.leave(left)));
  }

  // Only what has a terminal takes a size, which is ours from now on anyway.
  private void checkTerminal(JobId job, TerminalRelay opened) throws Failure {
    TerminalSize size = opened.size();
    if (size == null) {
      return;
    }
    try (RequestClient inquiry = RequestClient.open(target(), surroundings)) {
      inquiry.send(new Request.Resize(job, size));
      if (inquiry.nextOrError() instanceof Event.Failed refused) {
        throw refused.code() == ErrorCode.BAD_REQUEST
            ? Failure.of(job + " has no terminal: attach it without " + ExecOptions.PTY.name())
            : ErrorAnswer.of(inquiry.host(), refused);
      }
    }
  }

  /** Connects, and asks to follow the job; whatever its signals, we leave it and it goes on. */
  Followed follow(JobStatus found, OptionalLong from, Role role, CliContext where) throws Failure {
    JobId job = found.job();
    Target target = target();
    Duration heartbeat = ResumeOptions.heartbeat(arguments, target);
    Request request = new Request.Attach(job, null, from, window(found), role);
    TerminalRelay lent = relay;
    FirstRequests.Stdin stdin =
        lent != null || arguments.has(ExecOptions.STDIN)
            ? FirstRequests.Stdin.SENT
            : FirstRequests.Stdin.KEPT;
    Duration asked = ResumeOptions.askedHeartbeat(arguments, target);
    FirstRequests opening = new FirstRequests(target.hello(asked), request, stdin);
    CurrentConnection open = new CurrentConnection(connect(target));
    links.add(open);
    JobControl control = new JobControl(open, JobControl.Parting.DETACH, job);
    leaving.job(control);
    if (lent != null) {
      control.lend(lent);
    }
    watchSignals(job, role);
    send(open, opening);
    if (heartbeat != null) {
      ServerHeartbeat.start(open, heartbeat);
    }
    return new Followed(
        new RunFollower(where, open, control, opening, resumption(target, open)), control);
  }

  private static OptionalLong window(JobStatus job) {
    Long retain = job.retainBytes();
    return OptionalLong.of(retain == null ? WINDOW_BYTES : Math.min(WINDOW_BYTES, retain));
  }

  private Target target() throws Failure {
    Target known = target;
    if (known == null) {
      known = ConnectionOptions.target(arguments, surroundings);
      target = known;
    }
    return known;
  }

  private BlockingConnection connect(Target target) throws Failure {
    Host host = target.host() == null ? DefaultServer.find(surroundings.env()) : target.host();
    if (host == null) {
      throw DefaultServer.missing(surroundings.env());
    }
    return Connector.connect(host, target);
  }

  private static void send(CurrentConnection link, FirstRequests opening) {
    BlockingConnection connection = link.current();
    try {
      if (connection != null) {
        connection.send(opening.frames());
      }
    } catch (IOException _) {
      // A server that closes says why before it does: whoever reads the connection tells.
    }
  }

  private Reconnector resumption(Target target, CurrentConnection open) throws Failure {
    String retry = arguments.value(RETRY);
    Duration patience =
        retry == null
            ? ResumeOptions.DEFAULT_LINGER
            : Durations.parse(RETRY, retry, Duration.ofMillis(1));
    return new Reconnector(target, open.host(), patience, conclusion::note, "");
  }

  // To be pasted, and so with the host.
  private String left(JobId job) {
    String cancel = "runnel cancel " + (given == null ? "" : "-H " + given + " ") + job;
    return "left " + job + ", which goes on; " + cancel + " ends it";
  }

  private void watchSignals(JobId job, Role role) {
    // Who only looks on has no say in it.
    surroundings
        .signals()
        .on(
            QuitSignal.NAME,
            role == Role.RUNNER ? leaving::quit : () -> leaving.leave(Signal.QUIT));
    List<Signal> signals = new ArrayList<>(SignalHandler.SIGNALS);
    signals.add(Signal.INT);
    for (Signal signal : signals) {
      surroundings
          .signals()
          .on(
              signal.name(),
              () -> {
                if (role == Role.RUNNER) {
                  conclusion.note(left(job));
                }
                leaving.leave(signal);
              });
    }
  }
}
