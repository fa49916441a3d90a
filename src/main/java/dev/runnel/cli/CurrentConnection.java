package dev.runnel.cli;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The connection over which a job is followed: another one after a cut. For any thread. */
final class CurrentConnection {
  private static final long PARTING_MILLIS = 1_000;

  private final Host host;
  private @Nullable BlockingConnection connection;
  private boolean closed;

  CurrentConnection(BlockingConnection first) {
    this.host = first.host();
    this.connection = first;
  }

  Host host() {
    return host;
  }

  /** The connection, or null: there is none at present. */
  synchronized @Nullable BlockingConnection current() {
    return connection;
  }

  /** From now on it goes over this one; null: over none. The one before is closed. */
  void replace(@Nullable BlockingConnection next) {
    BlockingConnection last;
    boolean late;
    synchronized (this) {
      last = connection;
      late = closed;
      connection = late ? null : next;
    }
    close(last);
    if (late) {
      close(next);
    }
  }

  /** Sends if there is a connection, unless another thread is stuck in the middle of a frame. */
  void trySend(byte[] frame) {
    BlockingConnection now = current();
    if (now != null) {
      now.trySend(frame);
    }
  }

  /** Sends if it can; what is lost with the connection is of no use to the next one. */
  void send(byte[] frame) {
    BlockingConnection now = current();
    if (now == null) {
      return;
    }
    try {
      now.send(frame);
    } catch (IOException _) {
      // The connection is gone; whoever reads it tells.
    }
  }

  synchronized boolean isClosed() {
    return closed;
  }

  /** Nothing is sent any more; what was sent arrives, and in a second it is closed for good. */
  void endSending() {
    BlockingConnection now = current();
    if (now != null) {
      now.endSending();
    }
    Thread watch = new Thread(this::closeSoon, "parting");
    watch.setDaemon(true);
    watch.start();
  }

  private void closeSoon() {
    try {
      TimeUnit.MILLISECONDS.sleep(PARTING_MILLIS);
      close();
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  /** Closes it for good once what was sent has arrived. For the thread that reads. */
  void part() {
    BlockingConnection now = current();
    if (now != null) {
      endSending();
      now.drain();
    }
    close();
  }

  /** Closes it for good. */
  void close() {
    synchronized (this) {
      closed = true;
    }
    replace(null);
  }

  private static void close(@Nullable BlockingConnection connection) {
    if (connection != null) {
      connection.close();
    }
  }
}
