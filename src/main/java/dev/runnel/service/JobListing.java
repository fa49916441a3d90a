package dev.runnel.service;

import dev.runnel.job.Job;
import dev.runnel.model.JobId;
import dev.runnel.model.JobStatus;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A list of jobs that is made piece by piece, by id, so that a long one holds up nobody else. A job
 * that comes or goes meanwhile may be in it or not. Not thread-safe; nothing blocks.
 */
public final class JobListing {
  private final Function<@Nullable JobId, @Nullable Job> after;
  private final Predicate<JobStatus> fits;
  private int left;
  private @Nullable JobId last;

  JobListing(
      Function<@Nullable JobId, @Nullable Job> after,
      @Nullable JobId last,
      Predicate<JobStatus> fits,
      int limit) {
    this.after = after;
    this.last = last;
    this.fits = fits;
    this.left = limit;
  }

  /** Whether the list is complete. */
  public boolean isOver() {
    return left == 0;
  }

  /** Looks at so many jobs, or at the last ones, and gives those of them that fit. */
  public List<JobStatus> next(int looks) {
    List<JobStatus> found = new ArrayList<>();
    for (int look = 0; look < looks && left > 0; look++) {
      Job job = after.apply(last);
      if (job == null) {
        left = 0;
        break;
      }
      last = job.id();
      JobStatus status = job.status();
      if (fits.test(status)) {
        found.add(status);
        left--;
      }
    }
    return found;
  }

  /** All that are left. */
  public List<JobStatus> rest() {
    return next(Integer.MAX_VALUE);
  }
}
