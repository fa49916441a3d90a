package dev.runnel.cli;

import dev.runnel.model.JobId;
import dev.runnel.model.Request;
import dev.runnel.wire.Limits;
import dev.runnel.wire.RequestEncoder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import org.jspecify.annotations.Nullable;

/**
 * Sends our stdin to the command, within its credit, on a thread of its own. Only a clean end of it
 * is told: an upload that was cut must not look complete.
 */
final class StdinSender {
  private static final int FRAME_BYTES = 65_536;

  private final ReadableByteChannel in;
  private final Connection connection;
  private final JobControl control;
  private final JobId job;
  private final int window;

  private long sent;
  private long taken;
  private boolean closed;
  private @Nullable String fault;

  StdinSender(
      ReadableByteChannel in, Connection connection, JobControl control, JobId job, int window) {
    this.in = in;
    this.connection = connection;
    this.control = control;
    this.job = job;
    this.window = window;
  }

  void start() {
    Thread thread = new Thread(this::pump, "stdin");
    thread.setDaemon(true);
    thread.start();
  }

  /** The server gave so many bytes to the command. */
  synchronized void acknowledge(long offset) {
    taken = Math.max(taken, offset);
    notifyAll();
  }

  /** The command reads no more. */
  synchronized void close() {
    closed = true;
    notifyAll();
  }

  /** Why our stdin was not sent to its end, or null: no fault so far. */
  synchronized @Nullable String fault() {
    return fault;
  }

  private void pump() {
    ByteBuffer buffer = ByteBuffer.allocateDirect(FRAME_BYTES);
    try {
      int credit;
      while ((credit = awaitCredit()) > 0) {
        if (read(buffer.clear().limit(Math.min(credit, FRAME_BYTES))) < 0) {
          connection.send(
              RequestEncoder.encode(null, new Request.Stdin(job, sent, new byte[0], true)));
          return;
        }
        send(buffer.flip());
      }
    } catch (IOException _) {
      // The connection is gone; whoever reads it tells.
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  /** Blocks until bytes may be sent; 0: none ever again. */
  private synchronized int awaitCredit() throws InterruptedException {
    while (!closed && sent - taken >= window) {
      wait();
    }
    return closed ? 0 : (int) Math.min(Limits.MAX_BODY_BYTES, window - (sent - taken));
  }

  private int read(ByteBuffer buffer) throws InterruptedException {
    try {
      int read;
      while ((read = in.read(buffer)) == 0) {
        // Somebody made the file description non-blocking, and there is nothing.
        Thread.sleep(1);
      }
      return read;
    } catch (IOException e) {
      fail("cannot read stdin: " + e.getMessage());
      return 0;
    }
  }

  private synchronized void fail(String message) {
    fault = message;
    closed = true;
    control.cancel();
  }

  private void send(ByteBuffer bytes) throws IOException {
    if (!bytes.hasRemaining()) {
      return;
    }
    int length = bytes.remaining();
    byte[] header = RequestEncoder.stdinHeader(job, sent, length);
    // Counted before it is sent: its acknowledgement may come first.
    synchronized (this) {
      sent += length;
    }
    connection.send(ByteBuffer.wrap(header), bytes);
  }
}
