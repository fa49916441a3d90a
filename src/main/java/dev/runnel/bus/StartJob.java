package dev.runnel.bus;

import dev.runnel.job.Follow;
import dev.runnel.job.Job;
import dev.runnel.job.Registry;
import dev.runnel.security.Grant;

/**
 * Asks a worker to start a job that the registry knows already, as it was granted. The job itself
 * is the claim: who asked can withdraw until the process is made, and after it the job ends at
 * once. Within a JVM.
 */
public record StartJob(Registry.Registered registered, Grant grant) {
  public Job job() {
    return registered.job();
  }

  public Follow.Existence existence() {
    return registered.existence();
  }
}
