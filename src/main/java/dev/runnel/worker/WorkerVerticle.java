package dev.runnel.worker;

import dev.runnel.bus.Bus;
import dev.runnel.bus.Gate;
import dev.runnel.bus.StartJob;
import dev.runnel.job.Job;
import dev.runnel.job.RefusedException;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.ErrorCode;
import dev.runnel.security.AuditEntry;
import dev.runnel.security.ForbiddenException;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.core.WorkerExecutor;
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

  /** Those that look at files, which may hang: not the starters' own. */
  private static final String FILES_POOL = "runnel-files";

  private static final int FILES_THREADS = 4;

  /** Who makes processes. */
  enum Maker {
    /** The worker, which takes one start at a time. */
    ITSELF,
    /** A spawner, so that the worker is soon ready for the next start. */
    SPAWNER
  }

  private final Maker maker;
  private final Bus bus;
  private final Gate gate;
  private @Nullable WorkerExecutor files;
  // Our thread, as long as nobody waits for it: the audit may call us back on its own, or later.
  private @Nullable Thread free;

  WorkerVerticle(Maker maker, Bus bus, Gate gate) {
    this.maker = maker;
    this.bus = bus;
    this.gate = gate;
  }

  /** Done when the bus knows it, so that no start finds nobody. */
  @Override
  public Future<?> start() {
    files = vertx.createSharedWorkerExecutor(FILES_POOL, FILES_THREADS);
    return switch (maker) {
      case ITSELF -> bus.onLoneStart(this::startAlone).completion();
      case SPAWNER -> bus.onStart(this::startJob).completion();
    };
  }

  @Override
  public Future<?> stop() {
    return files == null ? Future.succeededFuture() : files.close();
  }

  private void startAlone(StartJob start) {
    free = Thread.currentThread();
    try {
      startJob(start);
    } finally {
      free = null;
    }
  }

  private void startJob(StartJob start) {
    if (start.grant().needsFiles() && files != null) {
      files.executeBlocking(() -> settleOrFail(start), false).onFailure(e -> fail(start, e));
    } else {
      settleOrFail(start);
    }
  }

  // A mistake of ours is told: its job would stay, and be waited for, for ever.
  private boolean settleOrFail(StartJob start) {
    try {
      return settleAndStart(start);
    } catch (RuntimeException e) {
      fail(start, e);
      return false;
    }
  }

  private static void fail(StartJob start, Throwable e) {
    LOG.error("start failed job={}", start.job().id(), e);
    start.job().refuse(new RefusedException(ErrorCode.UNAVAILABLE, "internal error: " + e));
  }

  private boolean settleAndStart(StartJob start) {
    try {
      CommandSpec settled = start.grant().settle();
      String recording = gate.recorder().nameFor(start);
      gate.guard()
          .audit()
          .before(() -> entry(start, settled, recording))
          .onSuccess(_ -> begin(start, settled, recording))
          .onFailure(
              e ->
                  start
                      .job()
                      .refuse(
                          new RefusedException(
                              ErrorCode.UNAVAILABLE, String.valueOf(e.getMessage()))));
      return true;
    } catch (ForbiddenException e) {
      gate.deny(start, e.getMessage());
      return false;
    }
  }

  private static AuditEntry entry(StartJob start, CommandSpec settled, @Nullable String recording) {
    Job job = start.job();
    AuditEntry.Terms terms = new AuditEntry.Terms(job.origin().rule(), recording);
    return AuditEntry.start(job.origin().caller(), job.id(), terms, settled);
  }

  private void begin(StartJob start, CommandSpec settled, @Nullable String recording) {
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
