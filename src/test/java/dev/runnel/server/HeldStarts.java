package dev.runnel.server;

import dev.runnel.model.CommandSpec;
import dev.runnel.model.JobId;
import dev.runnel.process.ProcessEngine;
import dev.runnel.process.ProcessListener;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.function.BooleanSupplier;

/** A process engine whose starts take as long as the test likes, as on a file system that hangs. */
final class HeldStarts extends EngineBetween {
  private final Queue<Runnable> held = new ArrayDeque<>();
  private final Queue<ProcessListener> listeners = new ArrayDeque<>();
  private boolean holding = true;

  HeldStarts(ProcessEngine engine) {
    super(engine);
  }

  synchronized int count() {
    return held.size();
  }

  /** Lets go those that were held, and holds no more. */
  synchronized void release() {
    holding = false;
    held.forEach(Runnable::run);
    held.clear();
  }

  /** Refuses those that were held, and holds no more. */
  synchronized void refuse(String why) {
    holding = false;
    held.clear();
    listeners.forEach(listener -> engine.execute(() -> listener.startRefused(why)));
  }

  @Override
  public synchronized void start(
      JobId job, CommandSpec command, BooleanSupplier claim, ProcessListener listener) {
    Runnable start = () -> engine.start(job, command, claim, listener);
    if (holding) {
      held.add(start);
      listeners.add(listener);
    } else {
      start.run();
    }
  }
}
