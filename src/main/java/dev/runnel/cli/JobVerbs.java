package dev.runnel.cli;

import dev.runnel.model.Argument;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.Event;
import dev.runnel.model.JobId;
import dev.runnel.model.JobState;
import dev.runnel.model.JobStatus;
import dev.runnel.model.Request;
import dev.runnel.model.Signal;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** {@code runnel cancel}, {@code rm} and {@code signal}: act on jobs that somebody else runs. */
final class JobVerbs {
  private static final String CANCEL_USAGE =
      """
      Usage: runnel cancel [-H HOST] [--grace TIME] JOB…

      Ends jobs with all their processes: TERM, and KILL after the grace, or at once if they are
      canceled already. Does not wait for their end. JOB is a job's name, or a beginning of it
      that no other has. One that cannot be canceled is named on stderr, and the others are
      canceled all the same.
      """;
  private static final String SIGNAL_USAGE =
      """
      Usage: runnel signal [-H HOST] JOB SIGNAL

      Sends a signal to a job's process group. SIGNAL is a name or a number: TERM, SIGTERM or 15.
      JOB is its name, or a beginning of it that no other has.
      """;
  private static final String RM_USAGE =
      """
      Usage: runnel rm [-H HOST] [-f] JOB…

      Has the server forget jobs that have ended, with their output, before their time; their names
      are free then. JOB is a job's name, or a beginning of it that no other has. One that cannot be
      forgotten is named on stderr, and the others are forgotten all the same.
      """;
  private static final String AFTER =
      """
      Exit code: 0 done, or the job had ended before; 2 wrong usage; 255 anything else.

      Example:
        runnel %s
      """;

  private static final Option GRACE =
      Option.value(
          "--grace", "TIME", "from TERM to KILL, if that is less than they have: 0s, 500ms");
  private static final Help.Section HOW = new Help.Section("How", List.of(GRACE));

  private static final Option FORCE =
      Option.flag("--force", "end a job first that has not ended, by KILL").or("-f");
  private static final long POLL_MILLIS = 50;
  private static final long MAX_POLLS = 600;

  static final VerbDefinition RM =
      new VerbDefinition(
          RM_USAGE,
          List.of(new Help.Section("How", List.of(FORCE)), ConnectionOptions.SECTION),
          AFTER.replace(", or the job had ended before", "").formatted("rm -H build-1 nightly-7"),
          JobVerbs::remove);
  static final VerbDefinition CANCEL =
      new VerbDefinition(
          CANCEL_USAGE,
          List.of(HOW, ConnectionOptions.SECTION),
          AFTER.formatted("cancel -H build-1 nightly-7"),
          JobVerbs::cancel);
  static final VerbDefinition SIGNAL =
      new VerbDefinition(
          SIGNAL_USAGE,
          List.of(ConnectionOptions.SECTION),
          AFTER.formatted("signal -H build-1 nightly-7 HUP"),
          JobVerbs::signal);

  private JobVerbs() {}

  private static int cancel(CliContext surroundings, Arguments arguments) throws Failure {
    List<JobId> jobs = ExecOptions.jobIds(arguments);
    String grace = arguments.value(GRACE);
    Duration most = grace == null ? null : Durations.parse(GRACE, grace, Duration.ZERO);
    try (RequestClient inquiry = open(surroundings, arguments)) {
      return each(
          surroundings,
          jobs,
          job -> ask(surroundings, inquiry, job, name -> new Request.Cancel(name, most)));
    }
  }

  private interface Act {
    void on(JobId job) throws Failure;
  }

  // Of several, one that fails does not keep us from the others.
  private static int each(CliContext surroundings, List<JobId> jobs, Act act) throws Failure {
    if (jobs.size() == 1) {
      act.on(jobs.getFirst());
      return 0;
    }
    int code = 0;
    for (JobId job : jobs) {
      try {
        act.on(job);
      } catch (Failure e) {
        surroundings.err().tryPrintLine(job + ": " + e.line());
        code = e.exitCode();
      }
    }
    return code;
  }

  private static int remove(CliContext surroundings, Arguments arguments) throws Failure {
    List<JobId> jobs = ExecOptions.jobIds(arguments);
    try (RequestClient inquiry = open(surroundings, arguments)) {
      return each(surroundings, jobs, word -> remove(inquiry, word, arguments.has(FORCE)));
    }
  }

  private static void remove(RequestClient inquiry, JobId word, boolean force) throws Failure {
    JobStatus found = JobNames.find(inquiry, word);
    if (found.state() != JobState.ENDED) {
      if (!force) {
        throw Failure.of(
            found.job() + " is " + found.state().wireName() + " (-f ends it, and forgets it)");
      }
      inquiry.send(new Request.Cancel(found.job(), Duration.ZERO));
      var _ = inquiry.next();
      awaitEnd(inquiry, found.job());
    }
    inquiry.send(new Request.Forget(found.job()));
    Event answer = inquiry.nextOrError();
    if (answer instanceof Event.Failed failed) {
      throw failed.code() == ErrorCode.UNKNOWN_TYPE
          ? Failure.of(inquiry.host().name() + " is too old for that: it forgets jobs in time")
          : ErrorAnswer.of(inquiry.host(), failed);
    }
  }

  private static void awaitEnd(RequestClient inquiry, JobId job) throws Failure {
    for (int i = 0; i < MAX_POLLS; i++) {
      inquiry.send(new Request.Status(job));
      if (inquiry.next() instanceof Event.Status(JobStatus status)
          && status.state() == JobState.ENDED) {
        return;
      }
      try {
        TimeUnit.MILLISECONDS.sleep(POLL_MILLIS);
      } catch (InterruptedException _) {
        Thread.currentThread().interrupt();
        throw Failure.of("interrupted");
      }
    }
    throw Failure.of(job + " does not end");
  }

  private static int signal(CliContext surroundings, Arguments arguments) throws Failure {
    List<Argument> operands = arguments.expectOperands("JOB", "SIGNAL");
    JobId job = ExecOptions.jobId("JOB", operands.get(0).toString());
    Signal signal = signal(operands.get(1).toString());
    try (RequestClient inquiry = open(surroundings, arguments)) {
      ask(surroundings, inquiry, job, name -> new Request.SendSignal(name, signal));
    }
    return 0;
  }

  static Signal signal(String text) throws Failure {
    String name = text.toUpperCase(Locale.ROOT);
    String bare = name.startsWith("SIG") ? name.substring(3) : name;
    for (Signal signal : Signal.values()) {
      if (signal.name().equals(bare) || String.valueOf(signal.number()).equals(text)) {
        return signal;
      }
    }
    throw Failure.usage("SIGNAL: " + text + " (expected: a name such as TERM, or from 1 to 31)");
  }

  private static RequestClient open(CliContext surroundings, Arguments arguments) throws Failure {
    return RequestClient.open(ConnectionOptions.target(arguments, surroundings), surroundings);
  }

  private static void ask(
      CliContext surroundings, RequestClient inquiry, JobId word, Function<JobId, Request> request)
      throws Failure {
    inquiry.send(request.apply(word));
    Event event = inquiry.nextOrError();
    JobId job = word;
    if (event instanceof Event.Failed failed) {
      job = JobNames.findInstead(inquiry, word, failed);
      inquiry.send(request.apply(job));
      event = inquiry.next();
    }
    if (event instanceof Event.Ok(JobState state) && state == JobState.ENDED) {
      surroundings.err().tryPrintLine(job + " had ended already");
    }
  }
}
