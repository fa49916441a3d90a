package dev.runnel.cli;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Makes a lost connection anew: at once, then less and less often, until it was given up. For one
 * thread.
 */
final class Reconnector {
  private static final long FIRST_PAUSE_MILLIS = 50;
  private static final long MAX_PAUSE_MILLIS = 5_000;
  private static final long MOMENT_MILLIS = 1_000;

  /** What a note may hold up: stderr may block. */
  private static final long NOTE_MILLIS = 200;

  private final Target target;
  private final Host host;
  private final Duration patience;
  private final Consumer<String> notes;
  private final String afterwards;

  private @Nullable Outage outage;
  private long pauseMillis;
  private long since = System.nanoTime();

  /** The time without a connection that anything came over. */
  private final class Outage {
    private final long start;
    private final ConnectionLost cut;
    private final long reached;
    private boolean told;
    private boolean over;

    Outage(ConnectionLost cut, long reached, long start) {
      this.cut = cut;
      this.reached = reached;
      this.start = start;
    }

    synchronized boolean isOver() {
      return over;
    }

    Duration left() {
      return patience.minusNanos(System.nanoTime() - start);
    }

    /** Tells of it unless it is over in a moment. For a thread of its own: stderr may block. */
    void tell() {
      try {
        Thread.sleep(MOMENT_MILLIS);
      } catch (InterruptedException _) {
        return;
      }
      synchronized (this) {
        told = !over;
      }
      if (told) {
        notes.accept(
            "connection to "
                + host.name()
                + " lost"
                + cut.because()
                + "; trying again for "
                + Durations.show(patience)
                + " (Ctrl-C gives up)");
      }
    }

    synchronized void end() {
      over = true;
      if (told) {
        awaitBriefly(inBackground(() -> notes.accept("connected to " + host.name() + " again")));
      }
    }

    synchronized void giveUp() {
      over = true;
    }
  }

  /**
   * @param patience how long it may take, from the loss on
   * @param notes where an outage is told of that takes longer than a moment
   * @param afterwards what is to be known when it was given up
   */
  Reconnector(
      Target target, Host host, Duration patience, Consumer<String> notes, String afterwards) {
    this.target = target;
    this.host = host;
    this.patience = patience;
    this.notes = notes;
    this.afterwards = afterwards;
  }

  /**
   * Blocks until there is a connection, over which nothing was said yet.
   *
   * @param reached how far output and stdin came over the last one
   * @param heard what the server had said by then
   */
  BlockingConnection connect(ConnectionLost cut, long reached, ConnectionErrors.Heard heard)
      throws Failure {
    Outage now = outage;
    if (now == null || now.isOver()) {
      now = begin(cut, reached);
    }
    while (true) {
      pause(now);
      Duration left = now.left();
      if (left.isNegative() || left.isZero()) {
        now.giveUp();
        throw Failure.of(lost(now.cut, heard));
      }
      Duration timeout =
          left.compareTo(target.connectTimeout()) < 0 ? left : target.connectTimeout();
      try {
        target.detail("connecting to " + host.name() + " again");
        BlockingConnection made = Connector.connectOnce(host, target, timeout);
        var _ = inBackground(new Impatience(now, made, left));
        return made;
      } catch (Failure e) {
        target.detail(e.line());
        if (isFinal()) {
          now.giveUp();
          throw Failure.of(lost(now.cut, heard) + ": " + e.line());
        }
      }
    }
  }

  // A connection that was soon lost and brought nothing is no reason to hurry again, nor to have
  // patience for as long again: a server may hang up whenever it is asked.
  private Outage begin(ConnectionLost cut, long reached) {
    Outage last = outage;
    long lasted = (System.nanoTime() - since) / 1_000_000;
    boolean further = last == null || reached > last.reached;
    if (further || lasted > MAX_PAUSE_MILLIS) {
      pauseMillis = 0;
    }
    boolean anew = further || lasted > MOMENT_MILLIS;
    Outage now =
        last == null || anew
            ? new Outage(cut, reached, System.nanoTime())
            : new Outage(cut, last.reached, last.start);
    outage = now;
    var _ = inBackground(now::tell);
    return now;
  }

  /** Closes a connection over which the job is not followed when patience is at its end. */
  private record Impatience(Outage outage, BlockingConnection connection, Duration left)
      implements Runnable {
    @Override
    public void run() {
      try {
        TimeUnit.MILLISECONDS.sleep(Math.max(1, left.toMillis()));
      } catch (InterruptedException _) {
        return;
      }
      if (!outage.isOver()) {
        connection.close("no answer came");
      }
    }
  }

  private String lost(ConnectionLost cut, ConnectionErrors.Heard heard) {
    return "connection to "
        + host.name()
        + " lost"
        + cut.because()
        + ", and none came about within "
        + Durations.show(patience)
        + (heard == ConnectionErrors.Heard.BEFORE_THE_REQUEST
            ? ConnectionErrors.unknown(heard)
            : "; the command's end is not known" + afterwards);
  }

  // Where nobody listens on a socket of this machine, its server is gone, and the job with it.
  private boolean isFinal() {
    return host instanceof Host.Unix;
  }

  /** The job is followed again. */
  void succeeded() {
    if (outage != null) {
      outage.end();
      since = System.nanoTime();
    }
  }

  // Jitter: the clients of a server that was out of reach should not all come at once.
  private void pause(Outage now) throws Failure {
    long most = Math.min(pauseMillis, Math.max(0, now.left().toMillis()));
    pauseMillis = Math.min(MAX_PAUSE_MILLIS, Math.max(FIRST_PAUSE_MILLIS, 2 * pauseMillis));
    if (most > 0) {
      try {
        TimeUnit.MILLISECONDS.sleep(most / 2 + ThreadLocalRandom.current().nextLong(most / 2 + 1));
      } catch (InterruptedException _) {
        Thread.currentThread().interrupt();
        throw Failure.of("interrupted");
      }
    }
  }

  private static Thread inBackground(Runnable action) {
    Thread thread = new Thread(action, "outage");
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  // Or else an end that comes at once would be told first, and nothing is noted after that.
  private static void awaitBriefly(Thread noting) {
    try {
      var _ = noting.join(Duration.ofMillis(NOTE_MILLIS));
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }
}
