package dev.runnel.cli;

import dev.runnel.model.JobId;
import dev.runnel.model.Request;
import dev.runnel.wire.RequestEncoder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Sends our stdin to the command, within its credit, on a thread of its own. What the server did
 * not acknowledge is kept, as much as the credit was at first, and sent again over another
 * connection. Only a clean end of stdin is told: an upload that was cut must not look complete.
 */
final class StdinSender {
  private static final int FRAME_BYTES = 65_536;
  private static final int MAX_KEPT_BYTES = 1 << 20;

  private final ReadableByteChannel in;
  private final JobControl control;
  private final JobId job;

  /** What was read and not acknowledged, from taken to filled, as a ring. */
  private final ByteBuffer kept;

  private final ReentrantLock sending = new ReentrantLock();

  /** Guarded by sending. Null: there is none at present. */
  private @Nullable BlockingConnection connection;

  private long sent;
  private boolean endSent;

  /** Guarded by this, as is all that follows. */
  private long taken;

  private long filled;
  private int window;
  private boolean ended;
  private boolean closed;
  private @Nullable String fault;

  /** The next of what is kept, to be sent. */
  private record Part(long offset, int length) {}

  StdinSender(ReadableByteChannel in, JobControl control, JobId job, int window) {
    this.in = in;
    this.control = control;
    this.job = job;
    this.window = window;
    this.kept = ByteBuffer.allocateDirect(Math.max(1, Math.min(window, MAX_KEPT_BYTES)));
  }

  /** Begins at that offset, over the first connection. */
  void start(BlockingConnection first, long offset) {
    connection = first;
    sent = offset;
    taken = offset;
    filled = offset;
    Thread thread = new Thread(this::pump, "stdin");
    thread.setDaemon(true);
    thread.start();
  }

  /** The same over another connection: first what was not acknowledged. */
  void resume(BlockingConnection next, int credit) {
    synchronized (this) {
      window = credit;
    }
    sending.lock();
    try {
      connection = next;
      sent = taken();
      endSent = false;
    } finally {
      sending.unlock();
    }
    flush();
  }

  /** The server gave so many bytes to the command. */
  void acknowledge(long offset) {
    synchronized (this) {
      taken = Math.min(filled, Math.max(taken, offset));
      notifyAll();
      if (window >= kept.capacity()) {
        // All that is kept may be sent, and was when it was read.
        return;
      }
    }
    flush();
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

  /** How much the server gave to the command. */
  synchronized long taken() {
    return taken;
  }

  private synchronized int room() {
    return (int) (kept.capacity() - (filled - taken));
  }

  private void pump() {
    try {
      while (fill()) {
        flush();
      }
      flush();
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  /** Blocks until more of stdin is kept; false: there is no more, or nobody to send it to. */
  private boolean fill() throws InterruptedException {
    ByteBuffer into = awaitRoom();
    int read = into == null ? -1 : read(into);
    synchronized (this) {
      filled += Math.max(0, read);
      ended = read < 0 && !closed;
      return read >= 0 && !closed;
    }
  }

  private synchronized @Nullable ByteBuffer awaitRoom() throws InterruptedException {
    while (!closed && room() == 0) {
      wait();
    }
    int index = (int) (filled % kept.capacity());
    int length = Math.min(room(), Math.min(FRAME_BYTES, kept.capacity() - index));
    return closed ? null : kept.slice(index, length);
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

  private void fail(String message) {
    synchronized (this) {
      fault = message;
      closed = true;
    }
    control.part();
  }

  /** Sends what there is credit for, and the end if that was all. */
  private void flush() {
    sending.lock();
    try {
      Part part;
      while (connection != null && (part = next()) != null) {
        send(connection, part);
      }
    } catch (IOException _) {
      // The connection is gone; whoever reads it tells, and brings another.
      connection = null;
    } finally {
      sending.unlock();
    }
  }

  private synchronized @Nullable Part next() {
    sent = Math.max(sent, taken);
    long end = Math.min(filled, taken + window);
    if (closed || (sent >= end && (!ended || endSent || sent < filled))) {
      return null;
    }
    int index = (int) (sent % kept.capacity());
    long length = Math.min(end - sent, kept.capacity() - index);
    return new Part(sent, (int) Math.min(length, FRAME_BYTES));
  }

  private void send(BlockingConnection to, Part part) throws IOException {
    sent = part.offset() + part.length();
    if (part.length() == 0) {
      endSent = true;
      to.send(RequestEncoder.encode(null, new Request.Stdin(job, sent, new byte[0], true)));
      return;
    }
    byte[] header = RequestEncoder.stdinHeader(job, part.offset(), part.length());
    int index = (int) (part.offset() % kept.capacity());
    to.send(ByteBuffer.wrap(header), kept.slice(index, part.length()));
  }
}
