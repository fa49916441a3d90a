package dev.runnel.service;

import dev.runnel.job.Job;
import dev.runnel.job.JobChanges;
import dev.runnel.job.JobRegistry;
import dev.runnel.job.RejectedException;
import dev.runnel.model.JobId;
import dev.runnel.model.JobStatus;
import dev.runnel.model.Request;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Predicate;

/**
 * The jobs that fit, and what becomes of them, piece by piece: first all that there are, then those
 * that changed since they were told. However often a job changes between two looks, it is told
 * once. Where more jobs changed than are kept in mind, here or by all who watch, all are told anew.
 * Changes come on any thread; the rest is its owner's, on one thread; nothing blocks.
 */
public final class JobWatch implements JobChanges.Listener, AutoCloseable {
  /** So many changed jobs are kept in mind. */
  private static final int MAX_CHANGED = 8_192;

  private final JobRegistry registry;
  private final JobChanges changes;
  private final String principal;
  private final Request.Jobs which;
  private final Predicate<String> mayObserve;
  private final Runnable wake;
  private final AtomicBoolean woken = new AtomicBoolean();
  private JobListing listing;
  private boolean listed;
  private boolean reset;

  // Guarded by itself: jobs and whose they are, or were.
  private final Map<JobId, String> changed = new HashMap<>();
  private boolean lost;
  private boolean closed;

  /** What is told at a time. */
  public record Piece(List<JobStatus> jobs, List<JobId> gone, boolean reset, boolean listed) {}

  /**
   * @param principal who watches
   * @param mayObserve whether it may see the jobs of that principal
   * @throws RejectedException if too many are watched
   */
  JobWatch(
      JobRegistry registry,
      String principal,
      Request.Jobs which,
      Predicate<String> mayObserve,
      Runnable wake)
      throws RejectedException {
    this.registry = registry;
    this.changes = registry.changes();
    this.principal = principal;
    this.which = which;
    this.mayObserve = mayObserve;
    this.wake = wake;
    this.listing = list();
    // The list is made only afterwards: what changes meanwhile is told after it.
    changes.add(this);
  }

  private JobListing list() {
    return new JobListing(registry::after, which.after(), this::fits, Request.Jobs.MAX_LIMIT);
  }

  private boolean fits(JobStatus status) {
    return which.fits(status)
        && mayObserve.test(status.principal())
        && (which.after() == null || status.job().compareTo(which.after()) > 0);
  }

  @Override
  public String listensFor() {
    return principal;
  }

  @Override
  public void changed(JobId job, String owner) {
    if (mayObserve.test(owner)) {
      note(job, owner);
    }
  }

  @Override
  public void missed() {
    synchronized (changed) {
      lose();
    }
    wakeOnce();
  }

  private void note(JobId job, String owner) {
    synchronized (changed) {
      boolean isNew = !lost && !closed && !changed.containsKey(job);
      if (isNew && (changed.size() >= MAX_CHANGED || !changes.keep())) {
        lose();
      } else if (isNew) {
        changed.put(job, owner);
      }
    }
    wakeOnce();
  }

  // Guarded by the changes; all are told anew.
  private void lose() {
    changes.release(changed.size());
    changed.clear();
    lost = !closed;
  }

  private void wakeOnce() {
    if (woken.compareAndSet(false, true)) {
      wake.run();
    }
  }

  /** Whether there may be more to tell; if not, there is a call when there is. */
  public boolean hasMore() {
    woken.set(false);
    synchronized (changed) {
      return !listed || lost || !changed.isEmpty();
    }
  }

  /** The next piece, after so many looks at jobs at most. */
  public Piece next(int looks) {
    synchronized (changed) {
      if (lost) {
        lost = false;
        listed = false;
        reset = true;
        listing = list();
      }
    }
    boolean isReset = reset;
    reset = false;
    if (!listed) {
      List<JobStatus> jobs = listing.next(looks);
      listed = listing.isOver();
      return new Piece(jobs, List.of(), isReset, listed);
    }
    List<JobStatus> jobs = new ArrayList<>();
    List<JobId> gone = new ArrayList<>();
    take(looks).forEach((job, owner) -> look(job, owner, jobs, gone));
    return new Piece(jobs, gone, false, false);
  }

  private Map<JobId, String> take(int most) {
    Map<JobId, String> taken = new HashMap<>();
    synchronized (changed) {
      for (Iterator<Map.Entry<JobId, String>> all = changed.entrySet().iterator();
          taken.size() < most && all.hasNext(); ) {
        Map.Entry<JobId, String> one = all.next();
        taken.put(one.getKey(), one.getValue());
        all.remove();
      }
      changes.release(taken.size());
    }
    return taken;
  }

  private void look(JobId id, String owner, List<JobStatus> jobs, List<JobId> gone) {
    Job job = registry.job(id);
    JobStatus status = job == null ? null : job.status();
    if (status != null && fits(status)) {
      jobs.add(status);
    } else if (mayObserve.test(status == null ? owner : status.principal())) {
      gone.add(id);
    }
  }

  @Override
  public void close() {
    changes.remove(this);
    synchronized (changed) {
      closed = true;
      lose();
    }
  }
}
