package dev.runnel.server;

import io.vertx.core.Vertx;
import java.time.Duration;

/**
 * Asks a peer that wants it whether it is there, and says when it has been silent for too long. On
 * the connection's event loop. PROTOCOL.md, "Connecting".
 */
final class PeerHeartbeat {
  private static final int MAX_SILENT = 3;
  private static final long NONE = -1;

  private final Vertx vertx;
  private final Runnable ask;
  private final Runnable onSilence;
  private long timer = NONE;
  private long everyMillis;
  private boolean heard;
  private int silent;

  /**
   * @param ask called at every beat but the last
   * @param onSilence called once, after that many beats in which nothing came
   */
  PeerHeartbeat(Vertx vertx, Runnable ask, Runnable onSilence) {
    this.vertx = vertx;
    this.ask = ask;
    this.onSilence = onSilence;
  }

  /** Begins, or goes on at another pace. */
  void start(Duration every) {
    stop();
    heard = true;
    everyMillis = every.toMillis();
    await();
  }

  // One at a time: of a periodic timer all that a server missed while it stood still come at once,
  // and nobody could answer in between.
  private void await() {
    timer = vertx.setTimer(everyMillis, _ -> beat());
  }

  boolean isOn() {
    return timer != NONE;
  }

  /** Any byte is a sign of life. */
  void heard() {
    heard = true;
  }

  void stop() {
    if (timer != NONE) {
      vertx.cancelTimer(timer);
      timer = NONE;
    }
  }

  private void beat() {
    silent = heard ? 0 : silent + 1;
    heard = false;
    if (silent == MAX_SILENT) {
      stop();
      onSilence.run();
    } else {
      // First: to ask may be to find out that it is gone, and stop.
      await();
      ask.run();
    }
  }
}
