package dev.runnel.service;

import dev.runnel.job.Job;
import dev.runnel.model.JobState;
import dev.runnel.security.quota.Quotas;
import java.util.concurrent.ConcurrentHashMap;

/** What jobs that are not over have taken of somebody's quota; no more than there are of them. */
final class QuotaPermits {
  private final ConcurrentHashMap<Job, Quotas.Share> kept = new ConcurrentHashMap<>();

  void keep(Job job, Quotas.Share share) {
    kept.put(job, share);
    // A node that shuts down ends a job as soon as it is made.
    if (job.state() == JobState.ENDED) {
      giveBack(job);
    }
  }

  /** The job is over. Idempotent. */
  void giveBack(Job job) {
    Quotas.Share share = kept.remove(job);
    if (share != null) {
      share.giveBack();
    }
  }
}
