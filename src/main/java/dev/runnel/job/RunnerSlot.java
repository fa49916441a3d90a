package dev.runnel.job;

import dev.runnel.model.Retention;
import dev.runnel.process.ProcessEngine;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * The runner's seat of a job: who has it, and what its being vacant means. Any thread. PROTOCOL.md,
 * "Flow".
 */
final class RunnerSlot {
  private static final long NEVER = Long.MIN_VALUE;

  private final Job job;
  private final Retention lasting;
  private final ProcessEngine engine;
  private final Runnable onFree;

  // All below are guarded by this; who holds it may be read without.
  private volatile @Nullable JobListener holder;
  // Counts those who took it and those who left, so that a clock knows that it is late.
  private long changes;
  private ProcessEngine.@Nullable Timer clock;
  private long stalledSince = NEVER;
  private boolean abandoned;
  private boolean ended;
  private boolean free;

  /** How somebody leaves. */
  enum Leaving {
    /** It was told the end. */
    TOLD,
    /** On purpose: the job waits for another. */
    DETACHED,
    /** Its connection is lost, or it went without a word. */
    GONE
  }

  /**
   * @param onFree called once, when the job has ended and whoever had the seat then has left it
   */
  RunnerSlot(Job job, Retention lasting, ProcessEngine engine, Runnable onFree) {
    this.job = job;
    this.lasting = lasting;
    this.engine = engine;
    this.onFree = onFree;
  }

  @Nullable JobListener holder() {
    return holder;
  }

  /** Whether nobody will come any more. */
  synchronized boolean isAbandoned() {
    return abandoned;
  }

  /** Takes it from whoever has it. */
  synchronized LogReader take(JobListener who, long from) {
    JobListener before = holder;
    boolean first = changes == 0;
    holder = who;
    changes++;
    stopClock();
    LogReader reader = job.log().openRunner(from, who::wake);
    if (before != null) {
      before.replaced();
    }
    if (first) {
      job.stdin().changeOwner(who);
      who.seated();
    } else {
      // On the pump, which may be writing what the one before sent.
      engine.execute(
          () -> {
            job.stdin().changeOwner(who);
            who.seated();
          });
    }
    return reader;
  }

  /** Leaves it, if it is still who has it. */
  void leave(JobListener who, Leaving how) {
    synchronized (this) {
      if (holder != who) {
        return;
      }
      holder = null;
      changes++;
      if (!ended) {
        vacate(how);
        return;
      }
    }
    settle();
  }

  private void vacate(Leaving how) {
    boolean isLast = how != Leaving.DETACHED && lasting.linger().isZero();
    boolean holds = lasting.onFull() == Retention.OnFull.BLOCK && !isLast;
    job.log().vacate(holds ? OutputLog.Vacancy.HOLD : OutputLog.Vacancy.DROP);
    if (isLast) {
      abandoned = true;
      job.abandon();
    } else if (how != Leaving.DETACHED && !abandoned && !lasting.lingersForever()) {
      long left = changes;
      clock = engine.schedule(lasting.linger(), () -> lingered(left));
    }
  }

  private void stopClock() {
    ProcessEngine.Timer running = clock;
    if (running != null) {
      clock = null;
      engine.execute(running::cancel);
    }
  }

  private synchronized void lingered(long since) {
    if (changes == since && !ended) {
      abandon();
    }
  }

  /**
   * Whoever detached may never come back: no process waits for ever. To be called now and then.
   *
   * @param most how long it may wait for a runner that is not there
   */
  synchronized void look(long now, Duration most) {
    if (ended || abandoned || !job.log().isStalled()) {
      stalledSince = NEVER;
    } else if (stalledSince == NEVER) {
      stalledSince = now;
    } else if (now - stalledSince >= most.toNanos()) {
      abandon();
    }
  }

  private void abandon() {
    abandoned = true;
    job.log().vacate(OutputLog.Vacancy.DROP);
    job.abandon();
  }

  /** It never was: nobody is waited for, and whoever has the seat leaves it when told. */
  synchronized void refuse() {
    abandoned = true;
    stopClock();
  }

  /** The job's end is about to be told: who leaves from now on leaves it for good. */
  synchronized void end() {
    ended = true;
    stopClock();
  }

  /** What has ended and has no runner stays only as long as there is memory for it. */
  void settle() {
    boolean first;
    synchronized (this) {
      if (holder != null) {
        return;
      }
      job.log().keep();
      first = !free;
      free = true;
    }
    if (first) {
      onFree.run();
    }
  }
}
