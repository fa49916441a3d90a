package dev.runnel.cli;

import dev.runnel.model.Request;
import dev.runnel.wire.RequestEncoder;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Lets either side notice that the other is gone where the network does not say so: pings on a
 * thread of its own, and closes a connection on which nothing came for three times as long.
 */
final class ServerHeartbeat {
  private static final int MAX_SILENT = 3;
  private static final byte[] PING = RequestEncoder.encode("ping", new Request.Ping());

  private final CurrentConnection link;
  private final Duration every;

  private @Nullable BlockingConnection watched;
  private long reads;
  private int silent;

  private ServerHeartbeat(CurrentConnection link, Duration every) {
    this.link = link;
    this.every = every;
  }

  /** Begins, for as long as the link is open. */
  static void start(CurrentConnection link, Duration every) {
    Thread thread = new Thread(new ServerHeartbeat(link, every)::run, "heartbeat");
    thread.setDaemon(true);
    thread.start();
  }

  private void run() {
    try {
      while (!link.isClosed()) {
        Thread.sleep(every);
        BlockingConnection now = link.current();
        if (now != null) {
          beat(now);
        }
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  // Counted in beats rather than in time: while we are stopped none passes.
  private void beat(BlockingConnection now) {
    long then = reads;
    reads = now.reads();
    boolean quiet = now == watched && now.isReading() && reads == then;
    silent = quiet ? silent + 1 : 0;
    watched = now;
    if (silent == MAX_SILENT) {
      now.close("nothing was heard for " + Durations.show(every.multipliedBy(MAX_SILENT)));
    } else {
      // A thread of its own: it may be stuck in the network, and then the next beat must not be.
      Thread ping = new Thread(() -> now.trySend(PING), "ping");
      ping.setDaemon(true);
      ping.start();
    }
  }
}
