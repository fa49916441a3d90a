package dev.runnel.worker;

import dev.runnel.bus.Bus;
import dev.runnel.bus.StartJob;
import dev.runnel.job.RefusedException;
import dev.runnel.model.ErrorCode;
import dev.runnel.security.ForbiddenException;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes starts off the bus, does what of the policy needs files, and hands them to the process
 * room, whose spawners may block where a worker must not. On a worker thread.
 */
public final class WorkerVerticle extends VerticleBase {
  private static final Logger LOG = LoggerFactory.getLogger(WorkerVerticle.class);

  private final Bus bus;

  public WorkerVerticle(Bus bus) {
    this.bus = bus;
  }

  /** Done when the bus knows it, so that no start finds nobody. */
  @Override
  public Future<?> start() {
    return bus.onStart(this::startJob).completion();
  }

  // Files may be on a file system that hangs: the next start does not wait for them.
  private void startJob(StartJob start) {
    if (start.grant().needsFiles()) {
      vertx
          .executeBlocking(() -> settleAndStart(start), false)
          .onFailure(e -> LOG.error("start failed job={}", start.job().id(), e));
    } else {
      settleAndStart(start);
    }
  }

  private static boolean settleAndStart(StartJob start) {
    try {
      start.job().start(start.grant().settle());
      return true;
    } catch (ForbiddenException e) {
      start.job().refuse(new RefusedException(ErrorCode.FORBIDDEN, e.getMessage()));
      return false;
    }
  }
}
