package dev.runnel.service;

import dev.runnel.job.Job;
import dev.runnel.job.JobRegistry;
import dev.runnel.job.SubscribeOptions;
import dev.runnel.security.policy.Authorization;

/**
 * Asks a worker to start a job that the registry knows already, as it was granted. The job itself
 * is the claim: who asked can withdraw until the process is made, and after it the job ends at
 * once. Within a JVM.
 */
public record StartCommand(JobRegistry.Registered registered, Authorization grant) {
  public Job job() {
    return registered.job();
  }

  public SubscribeOptions.Existence existence() {
    return registered.existence();
  }
}
