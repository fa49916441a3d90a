package dev.runnel.job;

import dev.runnel.model.JobId;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The jobs that have ended and are still known, each until its time is up. When there are too many,
 * whoever has most loses first, of that what would go first: neither takes a thousand commands of a
 * second with them what is to be read tomorrow, nor one principal what is another's. Of an
 * execution that has a name it is known that it was for as long as was promised, also when there is
 * no place for its job any more. Its registry's; guarded by itself.
 */
final class CompletedJobs {
  /** Such a name takes a fraction of what a job does. */
  private static final int NAMES_FOR_EACH_JOB = 16;

  private final TreeMap<JobId, Job> byId = new TreeMap<>();
  private final FairRetention<Job> jobs;

  /** With what is to be done when a name is forgotten. */
  private final Map<IdempotencyKey.Execution, Runnable> executed = new HashMap<>();

  private final FairRetention<IdempotencyKey.Execution> executions;

  /**
   * @param most so many are known
   */
  CompletedJobs(int most) {
    jobs = new FairRetention<>(most);
    executions =
        new FairRetention<>((int) Math.min(Integer.MAX_VALUE, (long) most * NAMES_FOR_EACH_JOB));
  }

  /** Adds one; gives back the one that there is no place for any more. */
  synchronized @Nullable Job add(Job job, long forgetAtNanos) {
    byId.put(job.id(), job);
    // Not the one that is new: whoever lost its connection just now comes back for it.
    FairRetention.Entry<Job> gone = jobs.add(job, owner(job), forgetAtNanos);
    if (gone == null) {
      return null;
    }
    byId.remove(gone.value().id(), gone.value());
    keepName(gone);
    return gone.value();
  }

  /** Takes one out before its time; null: it is not known, or has not ended. */
  synchronized @Nullable Job take(JobId id) {
    Job job = byId.get(id);
    FairRetention.Entry<Job> gone = job == null ? null : jobs.take(job, owner(job));
    if (gone == null) {
      return null;
    }
    byId.remove(id, job);
    keepName(gone);
    return job;
  }

  private void keepName(FairRetention.Entry<Job> gone) {
    IdempotencyKey.Execution execution = gone.value().execution();
    if (execution != null && executed.putIfAbsent(execution, CompletedJobs::nothing) == null) {
      FairRetention.Entry<IdempotencyKey.Execution> forgotten =
          executions.add(execution, gone.owner(), gone.forgetAtNanos());
      if (forgotten != null) {
        forget(forgotten.value());
      }
    }
  }

  private static void nothing() {}

  private void forget(IdempotencyKey.Execution execution) {
    Runnable then = executed.remove(execution);
    if (then != null) {
      then.run();
    }
  }

  /**
   * Has that run when the name of a job that {@link #add} or {@link #take} gave back is forgotten;
   * once.
   */
  void onForget(Job job, Runnable then) {
    IdempotencyKey.Execution execution = job.execution();
    synchronized (this) {
      if (execution != null && executed.computeIfPresent(execution, (_, _) -> then) != null) {
        return;
      }
    }
    then.run();
  }

  private static String owner(Job job) {
    return job.origin().principal();
  }

  synchronized boolean has(JobId id) {
    return byId.containsKey(id);
  }

  /** Whether it was, though nothing more of it is known. */
  synchronized boolean was(IdempotencyKey.@Nullable Execution execution) {
    return execution != null && executed.containsKey(execution);
  }

  /** Null: it is not known. */
  synchronized @Nullable Job find(JobId id) {
    return byId.get(id);
  }

  /** The one whose id follows that one, or the first of all; null: there is none. */
  synchronized @Nullable Job after(@Nullable JobId id) {
    var next = id == null ? byId.firstEntry() : byId.higherEntry(id);
    return next == null ? null : next.getValue();
  }

  /** A principal's, the one that would go first in front. */
  synchronized List<Job> of(String principal) {
    return jobs.of(principal);
  }

  /** Those whose time is up, which are known no longer. */
  synchronized List<Job> takeExpired(long now) {
    executions.takeExpired(now).forEach(this::forget);
    List<Job> expired = jobs.takeExpired(now);
    expired.forEach(job -> byId.remove(job.id(), job));
    return expired;
  }
}
