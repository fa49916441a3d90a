package dev.runnel.cli;

import dev.runnel.model.JobId;
import dev.runnel.model.Request;
import dev.runnel.model.Signal;
import dev.runnel.wire.RequestEncoder;
import org.jspecify.annotations.Nullable;

/**
 * Acts on the job that {@code exec} runs, from any thread. What is asked before the job has a name
 * is sent when it gets one.
 */
final class JobControl {
  private final Connection connection;

  private @Nullable JobId job;
  private int interrupts;
  private int sentInterrupts;
  private boolean canceling;
  private boolean sentCancel;

  JobControl(Connection connection) {
    this.connection = connection;
  }

  /** The server told the name. */
  synchronized void started(JobId name) {
    job = name;
    send();
  }

  /**
   * Ctrl-C: the first goes to the command, the second cancels the job.
   *
   * @return how many there were
   */
  synchronized int interrupt() {
    interrupts++;
    if (interrupts > 1) {
      canceling = true;
    }
    send();
    return interrupts;
  }

  synchronized void cancel() {
    canceling = true;
    send();
  }

  /** Whether somebody pressed Ctrl-C. */
  synchronized boolean isInterrupted() {
    return interrupts > 0;
  }

  synchronized boolean hasJob() {
    return job != null;
  }

  private void send() {
    if (job == null) {
      return;
    }
    if (interrupts > 0 && sentInterrupts == 0) {
      sentInterrupts++;
      connection.trySend(RequestEncoder.encode("signal", new Request.SendSignal(job, Signal.INT)));
    }
    if (canceling && !sentCancel) {
      sentCancel = true;
      connection.trySend(RequestEncoder.encode("cancel", new Request.Cancel(job)));
    }
  }
}
