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
 * Takes starts off the bus, does what of the policy needs files, and hands them to the process
 * room, whose spawners may block where a worker must not. On a worker thread.
 */
public final class WorkerVerticle extends VerticleBase {
  private static final Logger LOG = LoggerFactory.getLogger(WorkerVerticle.class);

  /** Those that look at files, which may hang: not the starters' own. */
  private static final String FILES_POOL = "runnel-files";

  private static final int FILES_THREADS = 4;

  private final Bus bus;
  private final Gate gate;
  private @Nullable WorkerExecutor files;

  WorkerVerticle(Bus bus, Gate gate) {
    this.bus = bus;
    this.gate = gate;
  }

  /** Done when the bus knows it, so that no start finds nobody. */
  @Override
  public Future<?> start() {
    files = vertx.createSharedWorkerExecutor(FILES_POOL, FILES_THREADS);
    return bus.onStart(this::startJob).completion();
  }

  @Override
  public Future<?> stop() {
    return files == null ? Future.succeededFuture() : files.close();
  }

  private void startJob(StartJob start) {
    if (start.grant().needsFiles() && files != null) {
      files
          .executeBlocking(() -> settleAndStart(start), false)
          .onFailure(e -> LOG.error("start failed job={}", start.job().id(), e));
    } else {
      settleAndStart(start);
    }
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
    start.job().start(settled);
  }
}
