package dev.runnel.process.spawn;

import dev.runnel.model.CommandSpec;
import dev.runnel.model.JobId;
import dev.runnel.process.ProcessListener;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;

/**
 * One start, from the queue to its one outcome.
 *
 * @param memoryKills how many there had been by then
 * @param decided false until somebody has an outcome
 */
public record StartRequest(
    JobId job,
    CommandSpec command,
    BooleanSupplier claim,
    ProcessListener listener,
    long memoryKills,
    AtomicBoolean decided) {

  /** True for the first who asks, who then has to tell the listener. Any thread. */
  boolean decide() {
    return decided.compareAndSet(false, true);
  }
}
