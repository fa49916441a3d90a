package dev.runnel.job;

import java.time.Duration;

/** Is told what becomes of jobs. On the pump; neither blocks nor throws. */
public interface JobObserver {
  /** Nobody. */
  JobObserver NONE =
      new JobObserver() {
        @Override
        public void started(Duration latency) {}

        @Override
        public void over(Job job) {}
      };

  /**
   * A process was made.
   *
   * @param latency since the request was taken up
   */
  void started(Duration latency);

  /** A job ended, or was refused its start. */
  void over(Job job);
}
