package dev.runnel.cli;

import dev.runnel.model.JobId;
import dev.runnel.model.Request;
import dev.runnel.model.Signal;
import dev.runnel.wire.RequestEncoder;
import org.jspecify.annotations.Nullable;

/**
 * Acts on the job that {@code exec} runs, from any thread. What is asked before the job's name is
 * known is sent when it is. Nothing is sent under the lock.
 */
final class JobControl {
  private final Connection connection;

  private @Nullable JobId job;
  private int interrupts;
  private Step wanted = Step.NONE;
  private Step sent = Step.NONE;

  /** How far we went; a later step does without those before it. */
  private enum Step {
    NONE,
    INTERRUPT,
    CANCEL
  }

  JobControl(Connection connection) {
    this.connection = connection;
  }

  /** The server told the name. */
  void started(JobId name) {
    send(null, name);
  }

  /** Ctrl-C: the first goes to the command, the next cancels the job. */
  void interrupt() {
    Step step;
    synchronized (this) {
      interrupts++;
      step = interrupts == 1 ? Step.INTERRUPT : Step.CANCEL;
    }
    send(step, null);
  }

  void cancel() {
    send(Step.CANCEL, null);
  }

  /** Whether somebody pressed Ctrl-C. */
  synchronized boolean isInterrupted() {
    return interrupts > 0;
  }

  synchronized boolean hasJob() {
    return job != null;
  }

  private void send(@Nullable Step step, @Nullable JobId name) {
    byte[] frame;
    synchronized (this) {
      job = name == null ? job : name;
      wanted = step != null && step.compareTo(wanted) > 0 ? step : wanted;
      if (job == null || sent.compareTo(wanted) >= 0) {
        return;
      }
      sent = wanted;
      frame =
          wanted == Step.CANCEL
              ? RequestEncoder.encode("cancel", new Request.Cancel(job))
              : RequestEncoder.encode("signal", new Request.SendSignal(job, Signal.INT));
    }
    connection.trySend(frame);
  }
}
