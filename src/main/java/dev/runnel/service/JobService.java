package dev.runnel.service;

import dev.runnel.job.Job;
import dev.runnel.job.JobOrigin;
import dev.runnel.job.JobRegistry;
import dev.runnel.job.RejectedException;
import dev.runnel.job.SubscribeOptions;
import dev.runnel.model.Caller;
import dev.runnel.model.End;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.JobId;
import dev.runnel.model.JobState;
import dev.runnel.model.JobStatus;
import dev.runnel.model.NodeIdentity;
import dev.runnel.model.Request;
import dev.runnel.model.Role;
import dev.runnel.model.Signal;
import dev.runnel.model.TerminalSize;
import dev.runnel.security.AccessControl;
import dev.runnel.security.audit.Audit;
import dev.runnel.security.audit.AuditEntry;
import dev.runnel.security.policy.Authorization;
import dev.runnel.security.policy.ForbiddenException;
import dev.runnel.security.policy.JobScope;
import dev.runnel.security.quota.Quotas;
import dev.runnel.threads.TaskHandOver;
import io.vertx.core.Future;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The one door to a node's jobs: whoever asks for one, and whichever way it came in, is checked
 * here and nowhere else. A job that somebody may not see is answered like one that never was, so
 * that nobody finds out names by asking. Any thread; nothing blocks.
 */
public final class JobService {
  private final JobRegistry registry;
  private final EventBusAddresses bus;
  private final AccessControl guard;
  private final JobRecorder recorder;
  private final QuotaPermits shares = new QuotaPermits();
  // Whose start is in the audit and whose end is not.
  private final Set<Job> recorded = ConcurrentHashMap.newKeySet();

  private volatile Consumer<Job> onOver = _ -> {};

  public JobService(
      JobRegistry registry, EventBusAddresses bus, AccessControl guard, JobRecorder recorder) {
    this.registry = registry;
    this.bus = bus;
    this.guard = guard;
    this.recorder = recorder;
    registry.onOver(this::over);
    registry.onGone(shares::giveBack);
  }

  public AccessControl guard() {
    return guard;
  }

  public JobRecorder recorder() {
    return recorder;
  }

  /** {@link JobRegistry#canSpool}. */
  public boolean canSpool() {
    return registry.canSpool();
  }

  /** Whether there is a job of that name here, whoever may see it. */
  public boolean knows(JobId id) {
    return registry.job(id) != null;
  }

  /** Has each job told that ended or was refused. */
  public void onOver(Consumer<Job> told) {
    onOver = told;
  }

  public NodeIdentity node() {
    return registry.node();
  }

  /**
   * Makes a job, which is still to be started, or finds the one that the same run has made before.
   *
   * @throws RejectedException if it is meant for another life of this node, not allowed, or there
   *     is no place for it
   */
  public StartCommand register(Caller caller, Request.Run run) throws RejectedException {
    checkBoot(run.boot());
    try {
      Authorization grant =
          guard.policy().judge(caller, registry.limits().fit(run.spec())).tracing();
      Request.Run granted = run.withSpec(grant.spec());
      return register(caller, granted, grant);
    } catch (ForbiddenException e) {
      throw denied(caller, "run", run.job(), e.getMessage());
    }
  }

  private StartCommand register(Caller caller, Request.Run run, Authorization grant)
      throws RejectedException {
    JobOrigin origin = new JobOrigin(caller, grant.ruleName(), signals(grant));
    // One that comes back to its job takes nothing more.
    boolean known = run.job() != null && registry.job(run.job()) != null;
    Quotas.Share share = known ? () -> {} : takeShare(caller, grant);
    try {
      JobRegistry.Registered registered = registry.register(run, origin);
      if (registered.existence() == SubscribeOptions.Existence.EXISTING) {
        share.giveBack();
      } else {
        shares.keep(registered.job(), known ? takeLate(caller, grant, registered.job()) : share);
      }
      return new StartCommand(registered, grant);
    } catch (RejectedException e) {
      share.giveBack();
      throw e;
    }
  }

  // The one that was there was forgotten in that moment.
  private Quotas.Share takeLate(Caller caller, Authorization grant, Job job)
      throws RejectedException {
    try {
      return takeShare(caller, grant);
    } catch (RejectedException e) {
      job.refuse(e);
      throw e;
    }
  }

  private Quotas.Share takeShare(Caller caller, Authorization grant) throws RejectedException {
    try {
      return guard.quotas().takeStart(caller, grant);
    } catch (Quotas.OverQuotaException e) {
      throw new RejectedException(ErrorCode.BUSY, String.valueOf(e.getMessage()));
    }
  }

  // As with a forced command of sshd's: what it is not asked to do it is not to be made do.
  private static JobOrigin.Signals signals(Authorization grant) {
    return grant.isForced() ? JobOrigin.Signals.REFUSED : JobOrigin.Signals.TAKEN;
  }

  /**
   * The job that an attach is about: to watch it one must be allowed to see it, to take its seat to
   * control it.
   *
   * @throws RejectedException if it is not known, or not to this caller
   */
  public Job attach(Caller caller, Request.Attach attach) throws RejectedException {
    checkBoot(attach.boot());
    Job job = observe(caller, "attach", attach.job());
    if (attach.role() == Role.RUNNER) {
      var _ = control(caller, "attach", attach.job());
    }
    String role = attach.role().name().toLowerCase(Locale.ROOT);
    note(() -> AuditEntry.act(caller, "attach", attach.job(), role).of(job.trace()));
    return job;
  }

  private void checkBoot(@Nullable String boot) throws RejectedException {
    String ours = node().boot();
    if (boot != null && !boot.equals(ours)) {
      throw new RejectedException(
          ErrorCode.STALE, "boot: " + boot + " (this server's: " + ours + ")");
    }
  }

  /** Has a worker start a job that is new; if none takes it the job is refused. */
  public void start(StartCommand start) {
    if (start.existence() == SubscribeOptions.Existence.EXISTING) {
      return;
    }
    TaskHandOver.run(
        () -> bus.start(start).onFailure(e -> noWorker(start, e)), e -> noWorker(start, e));
  }

  private static void noWorker(StartCommand start, Throwable why) {
    start
        .job()
        .refuse(new RejectedException(ErrorCode.UNAVAILABLE, "no worker: " + why.getMessage()));
  }

  /**
   * The same of a job that was registered, once it is followed; a job that can't be followed does
   * not start, and leaves no trace.
   */
  public void startFollowed(StartCommand start, Following following) throws RejectedException {
    boolean followed = false;
    try {
      following.begin();
      followed = true;
    } finally {
      if (!followed && start.existence() == SubscribeOptions.Existence.NEW) {
        start.job().refuse(new RejectedException(ErrorCode.UNAVAILABLE, "nobody follows it"));
      }
    }
    start(start);
  }

  /** Begins to follow a job. */
  public interface Following {
    void begin() throws RejectedException;
  }

  /** {@link JobRegistry#status}, of a job that the caller may see. */
  public JobStatus status(Caller caller, JobId id) throws RejectedException {
    return observe(caller, "status", id).status();
  }

  /** {@link JobRegistry#signal}, of a job that the caller may control. */
  public JobState signal(Caller caller, JobId id, Signal signal) throws RejectedException {
    Job job = control(caller, "signal", id);
    if (job.origin().signals() == JobOrigin.Signals.REFUSED) {
      String why = "rule " + job.origin().rule() + ": a forced command takes no signals";
      throw denied(caller, "signal", id, why);
    }
    note(() -> AuditEntry.act(caller, "signal", id, signal.name()).of(job.trace()));
    return registry.signal(id, signal);
  }

  /** {@link JobRegistry#resize}, of a job that the caller may control. */
  public JobState resize(Caller caller, JobId id, TerminalSize size) throws RejectedException {
    Job job = control(caller, "resize", id);
    JobState state = registry.resize(id, size);
    recorder.changed(job);
    return state;
  }

  /** {@link JobRegistry#cancel}, of a job that the caller may control. */
  public void cancel(Caller caller, Request.Cancel cancel, Consumer<JobState> begun)
      throws RejectedException {
    JobId id = cancel.job();
    Job job = control(caller, "cancel", id);
    note(() -> AuditEntry.act(caller, "cancel", id, "").of(job.trace()));
    registry.cancel(id, cancel.grace(), begun);
  }

  /** {@link JobRegistry#forget}, of a job that the caller may control. */
  public void forget(Caller caller, JobId id) throws RejectedException {
    Job job = control(caller, "forget", id);
    registry.forget(id);
    note(() -> AuditEntry.act(caller, "forget", id, "").of(job.trace()));
  }

  /** Those of the jobs known that are asked for and that the caller may see, by id. */
  public JobListing list(Caller caller, Request.Jobs which) {
    return new JobListing(
        registry::after,
        which.after(),
        status -> which.fits(status) && mayObserve(caller, status.principal()),
        which.limit());
  }

  /** The same, and what becomes of them; to be closed. */
  public JobWatch watch(Caller caller, Request.Jobs which, Runnable wake) throws RejectedException {
    return new JobWatch(
        registry, caller.principal(), which, principal -> mayObserve(caller, principal), wake);
  }

  /** {@link JobRegistry#close}: every job ends as shut down. */
  public CompletableFuture<Void> close() {
    return registry.close();
  }

  private Job observe(Caller caller, String verb, JobId id) throws RejectedException {
    Job job = registry.job(id);
    if (job != null && mayObserve(caller, job.origin().principal())) {
      return job;
    }
    RejectedException unknown =
        new RejectedException(ErrorCode.UNKNOWN_JOB, "job: " + id + " is not known");
    if (job == null) {
      // Anybody asks for what is forgotten by now; who guesses names asks for many.
      guard
          .audit()
          .noteSome(
              caller.source(),
              () -> AuditEntry.denied(caller, verb, id, unknown.code(), "no such job"));
    } else {
      note(() -> AuditEntry.denied(caller, verb, id, unknown.code(), "another principal's job"));
    }
    throw unknown;
  }

  private Job control(Caller caller, String verb, JobId id) throws RejectedException {
    Job job = observe(caller, verb, id);
    if (!mayControl(caller, job.status())) {
      String why =
          "job: " + id + ": no rule of the policy lets " + caller.principal() + " control it";
      throw denied(caller, verb, id, why);
    }
    return job;
  }

  private RejectedException denied(Caller caller, String verb, @Nullable JobId job, String why) {
    note(() -> AuditEntry.denied(caller, verb, job, ErrorCode.FORBIDDEN, why));
    return new RejectedException(ErrorCode.FORBIDDEN, why);
  }

  /** Has the worker's refusal of a start written down, and the job end by it. */
  public void deny(StartCommand start, String why) {
    Job job = start.job();
    job.refuse(denied(job.origin().caller(), "run", job.id(), why));
  }

  /**
   * Has a start written to the audit, {@link Audit#before} it is made; its end will be there too.
   */
  public Future<Void> record(StartCommand start, Supplier<AuditEntry> entry) {
    return guard
        .audit()
        .before(entry)
        .onComplete(
            written -> {
              if (written.succeeded() || written.cause() instanceof Audit.LateException) {
                recorded(start.job());
              }
            });
  }

  // It may have ended while its start was being written: whoever comes second writes the end.
  private void recorded(Job job) {
    recorded.add(job);
    if (job.status().end() != null || job.refusal() != null) {
      noteOver(job);
    }
  }

  private void note(Supplier<AuditEntry> entry) {
    guard.audit().note(entry);
  }

  private void over(Job job) {
    TaskHandOver.runAll(
        () -> giveBack(job),
        () -> recorder.changed(job),
        () -> noteOver(job),
        () -> onOver.accept(job));
  }

  // A process that could not be ended counts for as long as it is there.
  private void giveBack(Job job) {
    if (!job.isOutlived()) {
      shares.giveBack(job);
    }
  }

  private void noteOver(Job job) {
    if (!recorded.remove(job)) {
      return;
    }
    Caller caller = job.origin().caller();
    End end = job.status().end();
    RejectedException refusal = job.refusal();
    if (end != null) {
      note(() -> AuditEntry.end(caller, end).of(job.trace()));
    } else if (refusal != null) {
      note(() -> AuditEntry.refused(caller, job.id(), refusal.code()).of(job.trace()));
    }
  }

  private boolean mayObserve(Caller caller, String principal) {
    return principal.equals(caller.principal())
        || guard.policy().observe(caller.principal()) == JobScope.ALL
        || guard.policy().control(caller.principal()) == JobScope.ALL;
  }

  private boolean mayControl(Caller caller, JobStatus status) {
    return isOwn(caller, status) || guard.policy().control(caller.principal()) == JobScope.ALL;
  }

  private static boolean isOwn(Caller caller, JobStatus status) {
    return status.principal().equals(caller.principal());
  }
}
