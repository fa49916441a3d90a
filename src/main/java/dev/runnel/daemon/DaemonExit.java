package dev.runnel.daemon;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * The end of a daemon's JVM, once all that is ours has ended: shutdown hooks run, in which agents
 * write what they have gathered (a flight recording, coverage, spans). They are not ours, and get a
 * bounded time. On the main thread.
 */
public final class DaemonExit {
  /** Of the 75 s that a pod has for its end, what the longest end of jobs leaves. */
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private final CountDownLatch begun = new CountDownLatch(1);
  private volatile int code;

  private DaemonExit() {}

  /** Made at the start: when it is needed there may be no thread to be had. */
  public static DaemonExit prepare() {
    DaemonExit exit = new DaemonExit();
    Thread.ofPlatform().daemon().name("runnel-exit").start(exit::awaitHooks);
    return exit;
  }

  private void awaitHooks() {
    try {
      begun.await();
      TimeUnit.NANOSECONDS.sleep(PATIENCE.toNanos());
      Runtime.getRuntime().halt(code);
    } catch (InterruptedException _) {
      // By nobody; without a deadline then.
      Thread.currentThread().interrupt();
    }
  }

  /** Does not return. */
  public void exit(int exitCode) {
    code = exitCode;
    begun.countDown();
    System.exit(exitCode);
  }
}
