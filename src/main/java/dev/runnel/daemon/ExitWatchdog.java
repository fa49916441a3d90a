package dev.runnel.daemon;

import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.slf4j.LoggerFactory;

/**
 * Ends the process when the time for its orderly end is over, whatever hangs by then: a supervisor
 * would kill it, and its last words with it. A thread of its own, from the start.
 */
final class ExitWatchdog {
  /** Longer than it takes to see that a tree is beyond KILL. */
  private static final Duration ENGINE = Duration.ofSeconds(8);

  private static final Duration REST = Duration.ofSeconds(2);

  private final BlockingQueue<Deadline> armed = new LinkedBlockingQueue<>();
  private volatile Deadline deadline = Deadline.in(Duration.ofDays(1_000));

  private ExitWatchdog() {}

  static ExitWatchdog start() {
    ExitWatchdog resort = new ExitWatchdog();
    Thread.ofPlatform().daemon().name("runnel-deadline").start(resort::run);
    return resort;
  }

  /** From now on there is an end. */
  void arm(Deadline end) {
    deadline = end;
    armed.add(end);
  }

  /** What the engine may take to close, of the time that is left once this is armed. */
  Duration left() {
    return deadline.left(ENGINE, REST);
  }

  private void run() {
    try {
      Deadline end = armed.take();
      while (!end.isOver()) {
        Thread.sleep(end.left());
      }
    } catch (InterruptedException _) {
      return;
    }
    try {
      LoggerFactory.getLogger(ExitWatchdog.class)
          .error("not all was closed within {} s, ends anyway", Deadline.ENDING.toSeconds());
    } finally {
      Runtime.getRuntime().halt(0);
    }
  }
}
