package dev.runnel.eventbus;

import dev.runnel.job.Job;
import dev.runnel.job.RejectedException;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.JobState;
import dev.runnel.security.audit.AuditEntry;
import dev.runnel.security.policy.ForbiddenException;
import dev.runnel.service.EventBusAddresses;
import dev.runnel.service.JobService;
import dev.runnel.service.StartCommand;
import dev.runnel.threads.HangTolerantPool;
import dev.runnel.threads.TaskHandOver;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes starts off the bus, does what of the policy needs files, and has the process made: by its
 * own thread, or, where others would have to wait for that, by the process room's spawners. On a
 * worker thread.
 */
public final class WorkerVerticle extends VerticleBase {
  private static final Logger LOG = LoggerFactory.getLogger(WorkerVerticle.class);

  /** Who makes processes. */
  enum Maker {
    /** The worker, which takes one start at a time. */
    ITSELF,
    /** A spawner, so that the worker is soon ready for the next start. */
    SPAWNER
  }

  /** After which files that a start needs are not waited for any longer. */
  static final Duration FILES_LIMIT = Duration.ofSeconds(10);

  private final Maker maker;
  private final EventBusAddresses bus;
  private final JobService gate;
  private final HangTolerantPool files;
  // Our thread, as long as nobody waits for it: the audit may call us back on its own, or later.
  private @Nullable Thread free;

  /**
   * @param files look at what may hang; closed with it
   */
  WorkerVerticle(Maker maker, HangTolerantPool files, EventBusAddresses bus, JobService gate) {
    this.maker = maker;
    this.files = files;
    this.bus = bus;
    this.gate = gate;
  }

  /** Done when the bus knows it, so that no start finds nobody. */
  @Override
  public Future<?> start() {
    Future<?> starts =
        switch (maker) {
          case ITSELF -> bus.onLoneStart(this::startAlone).completion();
          case SPAWNER -> bus.onStart(this::startJob).completion();
        };
    return Future.all(starts, bus.onPing().completion());
  }

  @Override
  public Future<?> stop() throws InterruptedException {
    files.close(Duration.ZERO);
    return Future.succeededFuture();
  }

  private void startAlone(StartCommand start) {
    free = Thread.currentThread();
    try {
      startJob(start);
    } finally {
      free = null;
    }
  }

  private void startJob(StartCommand start) {
    attempt(
        start,
        () -> {
          if (start.grant().needsFiles()) {
            files.submit(new Settling(start));
          } else {
            settleAndStart(start);
          }
        });
  }

  // Whatever is thrown is told, on whatever thread: else the job would be waited for, for ever.
  private static void attempt(StartCommand start, Runnable step) {
    TaskHandOver.run(step, thrown -> fail(start, thrown));
  }

  private static void fail(StartCommand start, Throwable thrown) {
    TaskHandOver.runAll(
        () -> refuse(start, "internal error: " + thrown),
        () -> LOG.error("start failed job={}", start.job().id(), thrown));
  }

  private static void refuse(StartCommand start, String why) {
    start.job().refuse(new RejectedException(ErrorCode.UNAVAILABLE, why));
  }

  /** What takes files, which may hang. */
  private final class Settling implements HangTolerantPool.Work {
    private final StartCommand start;
    private final HangTolerantPool.Account account;

    private Settling(StartCommand start) {
      this.start = start;
      String cwd = start.grant().spec().command().cwd();
      this.account =
          new HangTolerantPool.Account(start.job().origin().principal(), cwd == null ? "" : cwd);
    }

    @Override
    public HangTolerantPool.Account account() {
      return account;
    }

    @Override
    public boolean isWanted() {
      return start.job().state() != JobState.ENDED;
    }

    @Override
    public void run() {
      if (isWanted()) {
        settleAndStart(start);
      }
    }

    @Override
    public void refused(String why) {
      refuse(start, why.equals(HangTolerantPool.CLOSED) ? "the server is shutting down" : why);
    }

    /** The job has its end. */
    @Override
    public void dropped() {}

    @Override
    public void overdue() {
      refuse(
          start, "cwd or env_from: no answer from the system in " + FILES_LIMIT.toSeconds() + " s");
    }

    @Override
    public void failed(Throwable thrown) {
      fail(start, thrown);
    }
  }

  private void settleAndStart(StartCommand start) {
    CommandSpec settled;
    try {
      settled = start.grant().settle();
    } catch (ForbiddenException e) {
      gate.deny(start, String.valueOf(e.getMessage()));
      return;
    }
    String recording = gate.recorder().nameFor(start);
    gate.record(start, () -> entry(start, settled, recording))
        // Vert.x would swallow what these throw.
        .onSuccess(_ -> attempt(start, () -> begin(start, settled, recording)))
        .onFailure(e -> attempt(start, () -> refuse(start, String.valueOf(e.getMessage()))));
  }

  private static AuditEntry entry(
      StartCommand start, CommandSpec settled, @Nullable String recording) {
    Job job = start.job();
    AuditEntry.Terms terms = new AuditEntry.Terms(job.origin().rule(), recording);
    return AuditEntry.start(job.origin().caller(), job.id(), terms, settled);
  }

  private void begin(StartCommand start, CommandSpec settled, @Nullable String recording) {
    if (start.job().state() == JobState.ENDED) {
      return;
    }
    if (recording != null) {
      gate.recorder().begin(start, recording);
    }
    if (Thread.currentThread() == free) {
      start.job().startHere(settled);
    } else {
      start.job().start(settled);
    }
  }
}
