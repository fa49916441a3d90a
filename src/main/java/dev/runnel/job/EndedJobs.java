package dev.runnel.job;

import dev.runnel.model.JobId;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The jobs that have ended and are still known, each until its time is up. When there are too many,
 * those go first whose time would be up first: a thousand commands of a second must not take with
 * them what is to be read tomorrow. Its registry's; guarded by itself.
 */
final class EndedJobs {
  private final int most;
  private final TreeMap<JobId, Entry> byId = new TreeMap<>();
  private final TreeSet<Entry> byExpiry = new TreeSet<>();
  private long entries;

  // Times of the engine's clock are compared by their difference: they may overflow.
  private record Entry(Job job, long forgetAtNanos, long number) implements Comparable<Entry> {
    @Override
    public int compareTo(Entry other) {
      int order = Long.signum(forgetAtNanos - other.forgetAtNanos);
      return order == 0 ? Long.compare(number, other.number) : order;
    }
  }

  /**
   * @param most so many are known
   */
  EndedJobs(int most) {
    this.most = most;
  }

  /** Adds one; gives back the one that there is no place for any more. */
  synchronized @Nullable Job add(Job job, long forgetAtNanos) {
    Entry added = new Entry(job, forgetAtNanos, entries++);
    byId.put(job.id(), added);
    // Not the one that is new: whoever lost its connection just now comes back for it.
    Entry oldest = byId.size() > most ? byExpiry.pollFirst() : null;
    byExpiry.add(added);
    if (oldest == null) {
      return null;
    }
    byId.remove(oldest.job().id());
    return oldest.job();
  }

  synchronized boolean has(JobId id) {
    return byId.containsKey(id);
  }

  /** Null: it is not known. */
  synchronized @Nullable Job find(JobId id) {
    Entry entry = byId.get(id);
    return entry == null ? null : entry.job();
  }

  /** The one whose id follows that one, or the first of all; null: there is none. */
  synchronized @Nullable Job after(@Nullable JobId id) {
    var next = id == null ? byId.firstEntry() : byId.higherEntry(id);
    return next == null ? null : next.getValue().job();
  }

  /** Those whose time is up, which are known no longer. */
  synchronized List<Job> takeExpired(long now) {
    List<Job> expired = new ArrayList<>();
    while (!byExpiry.isEmpty() && now - byExpiry.first().forgetAtNanos() > 0) {
      Job job = byExpiry.removeFirst().job();
      byId.remove(job.id());
      expired.add(job);
    }
    return expired;
  }
}
