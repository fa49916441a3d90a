package dev.runnel.api;

import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.streams.WriteStream;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * A job's stdin. A write is done when the process's pipe has taken it; {@link #end} when the pipe
 * is closed after it. On the job's context.
 */
final class StdinStream implements WriteStream<Buffer> {
  private static final int WINDOW_BYTES = 65_536;

  /** A frame's body holds no more. */
  private static final int MAX_PIECE_BYTES = 65_536;

  private final Sender sender;
  private final ArrayDeque<Write> writes = new ArrayDeque<>();
  private final Promise<Void> closed = Promise.promise();
  private @Nullable Handler<Void> drainHandler;
  private @Nullable Handler<Throwable> exceptionHandler;
  private @Nullable Throwable broken;
  private int maxQueueBytes = WINDOW_BYTES;
  private long written;
  private long sent;
  private long taken;
  private long first;
  private int window = WINDOW_BYTES;
  private boolean waiting = true;
  private boolean begun;
  private boolean ending;
  private boolean eofSent;
  private boolean full;

  /** Sends a piece of stdin. */
  interface Sender {
    void send(long offset, Buffer bytes, Eof eof);
  }

  /** Whether more follows. */
  enum Eof {
    NO,
    YES
  }

  private record Write(long start, Buffer bytes, Promise<Void> done) {
    long end() {
      return start + bytes.length();
    }
  }

  StdinStream(Sender sender) {
    this.sender = sender;
  }

  @Override
  public Future<Void> write(Buffer bytes) {
    if (broken != null) {
      return Future.failedFuture(broken);
    }
    if (ending) {
      return Future.failedFuture(new IllegalStateException("stdin was ended"));
    }
    Promise<Void> done = Promise.promise();
    writes.add(new Write(written, bytes, done));
    written += bytes.length();
    send();
    completeWrites();
    return done.future();
  }

  @Override
  public Future<Void> end() {
    if (broken != null) {
      return Future.failedFuture(broken);
    }
    ending = true;
    send();
    return closed.future();
  }

  @Override
  public StdinStream setWriteQueueMaxSize(int maxSize) {
    maxQueueBytes = maxSize;
    return this;
  }

  @Override
  public boolean writeQueueFull() {
    full = written - taken >= maxQueueBytes;
    return full;
  }

  @Override
  public StdinStream drainHandler(@Nullable Handler<Void> handler) {
    drainHandler = handler;
    return this;
  }

  @Override
  public StdinStream exceptionHandler(@Nullable Handler<Throwable> handler) {
    exceptionHandler = handler;
    return this;
  }

  /**
   * Sends nothing until the node has said again how much the pipe has taken: what it has not is
   * sent once more.
   *
   * @param credit bytes beyond that; null: the usual
   */
  void await(@Nullable Integer credit) {
    window = credit == null ? WINDOW_BYTES : credit;
    waiting = true;
  }

  /** How much the pipe has taken of what was written here. */
  long takenBytes() {
    return taken;
  }

  /** The pipe has taken so much, counted from the job's start. */
  void taken(long offset) {
    if (!begun) {
      begun = true;
      first = offset;
    }
    taken = Math.max(taken, offset - first);
    if (waiting) {
      waiting = false;
      sent = taken;
      eofSent = false;
    }
    completeWrites();
    send();
    if (full && written - taken <= maxQueueBytes / 2) {
      full = false;
      if (drainHandler != null) {
        drainHandler.handle(null);
      }
    }
  }

  /** Whether the process, or the job, takes no more. */
  boolean isBroken() {
    return broken != null;
  }

  /** The pipe is closed, after all that was written. */
  void closed() {
    closed.tryComplete();
  }

  /** Nobody reads any more. */
  void fail(Throwable why) {
    if (broken != null || closed.future().isComplete()) {
      return;
    }
    broken = why;
    writes.forEach(write -> write.done().fail(why));
    writes.clear();
    closed.tryFail(why);
    if (exceptionHandler != null) {
      exceptionHandler.handle(why);
    }
  }

  private void completeWrites() {
    while (!writes.isEmpty() && writes.getFirst().end() <= taken) {
      writes.removeFirst().done().complete();
    }
  }

  private void send() {
    if (waiting) {
      return;
    }
    long credit = taken + window;
    for (Write write : writes) {
      while (sent < write.end() && sent < credit) {
        int from = (int) (sent - write.start());
        int most = (int) Math.min(MAX_PIECE_BYTES, credit - sent);
        int length = (int) Math.min(write.end() - sent, most);
        long offset = sent;
        sent += length;
        sender.send(first + offset, write.bytes().slice(from, from + length), Eof.NO);
      }
    }
    if (ending && !eofSent && sent == written) {
      eofSent = true;
      sender.send(first + sent, Buffer.buffer(), Eof.YES);
    }
  }
}
