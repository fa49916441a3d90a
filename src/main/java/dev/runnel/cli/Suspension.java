package dev.runnel.cli;

import dev.runnel.model.Request;
import dev.runnel.wire.RequestEncoder;
import java.io.IOException;
import java.util.concurrent.TimeUnit;

/**
 * Ctrl-Z. A process that is stopped can't be heard of, and its job would be given up: so we leave
 * it before we stop, which takes no time from it, and follow it again when we go on.
 */
final class Suspension {
  private static final long LEAVING_MILLIS = 1_000;
  private static final byte[] DETACH =
      RequestEncoder.encode("pause", new Request.Detach(RunFollower.ID));

  private final CurrentConnection link;
  private boolean stopping;
  private boolean asked;
  private boolean left;

  Suspension(CurrentConnection link) {
    this.link = link;
  }

  /** On the thread that brings the signal: returns when we go on. */
  void stop() {
    synchronized (this) {
      if (stopping) {
        return;
      }
      stopping = true;
      left = false;
    }
    ask();
    try {
      awaitLeft();
      stopProcess();
    } catch (IOException _) {
      // Without a shell we are not stopped, and go on at once.
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    } finally {
      goOn();
    }
  }

  /** Asks to leave the job, if it is followed at present. */
  void ask() {
    synchronized (this) {
      asked = true;
    }
    // After it: whoever loses that connection has us forget.
    BlockingConnection now = link.current();
    if (now == null) {
      forget();
    } else {
      now.trySend(DETACH);
    }
  }

  private synchronized void awaitLeft() throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(LEAVING_MILLIS);
    long millis;
    while (!left && (millis = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime())) > 0) {
      wait(millis);
    }
  }

  // The JVM has no call for it, and has taken the signal that would have.
  private static void stopProcess() throws IOException, InterruptedException {
    String line = "kill -STOP " + ProcessHandle.current().pid();
    var _ = new ProcessBuilder("/bin/sh", "-c", line).inheritIO().start().waitFor();
  }

  private synchronized void goOn() {
    stopping = false;
    notifyAll();
  }

  /** The connection over which we asked is lost. */
  synchronized void forget() {
    asked = false;
  }

  /**
   * On the thread that reads, when the server says that we left: blocks until we go on.
   *
   * @return false: it was not we who asked
   */
  synchronized boolean await() {
    if (!asked) {
      return false;
    }
    asked = false;
    left = true;
    notifyAll();
    try {
      while (stopping) {
        wait();
      }
      return true;
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      return false;
    }
  }
}
