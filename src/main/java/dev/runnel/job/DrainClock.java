package dev.runnel.job;

import dev.runnel.process.ProcessEngine;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How long we read on after the process's exit, while something else holds its pipes: until nothing
 * came for {@code drain_ms}, and for {@code drain_max_ms} in all. It stands still while there is no
 * room to read into: a slow runner delays the end and never cuts it. On the pump. PROTOCOL.md, "The
 * end".
 */
final class DrainClock {
  private final ProcessEngine engine;
  private final long idleNanos;
  private final Runnable onDone;

  private long remainingNanos;
  private long readingSince;
  private long lastOutput;
  private boolean running;
  private ProcessEngine.@Nullable Timer timer;

  DrainClock(ProcessEngine engine, Duration idle, Duration max, Runnable onDone) {
    this.engine = engine;
    this.idleNanos = idle.toNanos();
    this.remainingNanos = max.toNanos();
    this.onDone = onDone;
  }

  /** Starts, or goes on after {@link #pause}. */
  void run() {
    if (!running) {
      running = true;
      readingSince = engine.nanoTime();
      lastOutput = readingSince;
      schedule();
    }
  }

  /** There is no room: nothing is being read. */
  void pause() {
    if (running) {
      running = false;
      remainingNanos -= engine.nanoTime() - readingSince;
      stopTimer();
    }
  }

  void sawOutput() {
    if (running) {
      lastOutput = engine.nanoTime();
    }
  }

  void stop() {
    running = false;
    stopTimer();
  }

  // Looks again when the time may be up: a timer for every read would cost more than the read.
  private void schedule() {
    long idleLeft = lastOutput + idleNanos - engine.nanoTime();
    long maxLeft = readingSince + remainingNanos - engine.nanoTime();
    long left = Math.min(idleLeft, maxLeft);
    timer = engine.schedule(Duration.ofNanos(Math.max(0, left)), this::look);
  }

  private void look() {
    if (isOver()) {
      // The pump may have been held up itself: before it looks again it reads what came meanwhile.
      long seen = lastOutput;
      timer = engine.schedule(Duration.ZERO, () -> lookAgain(seen));
    } else {
      schedule();
    }
  }

  private void lookAgain(long seen) {
    // After output comes another turn, however late this one is: it may have been the last.
    if (isOver() && (lastOutput == seen || isMaxOver(engine.nanoTime()))) {
      stop();
      onDone.run();
    } else {
      schedule();
    }
  }

  private boolean isOver() {
    long now = engine.nanoTime();
    return now - lastOutput >= idleNanos || isMaxOver(now);
  }

  private boolean isMaxOver(long now) {
    return now - readingSince >= remainingNanos;
  }

  private void stopTimer() {
    if (timer != null) {
      timer.cancel();
      timer = null;
    }
  }
}
