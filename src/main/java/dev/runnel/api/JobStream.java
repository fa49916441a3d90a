package dev.runnel.api;

import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.streams.Pipe;
import io.vertx.core.streams.ReadStream;
import io.vertx.core.streams.WriteStream;
import java.util.ArrayDeque;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What a consumer reads of a job's output. Nothing is handed on before there is a handler, and what
 * was not handed on is not acknowledged. On the job's context.
 */
final class JobStream<T> implements ReadStream<T> {
  private final ArrayDeque<T> queue = new ArrayDeque<>();
  private final Consumer<T> onTaken;
  private final Executor later;
  private final Consumer<Throwable> onSinkFailed;
  private @Nullable Handler<T> handler;
  private @Nullable Handler<Void> endHandler;
  private @Nullable Handler<Throwable> exceptionHandler;
  private @Nullable Throwable failure;
  private long demand = Long.MAX_VALUE;
  private boolean ended;
  private boolean told;
  private boolean delivering;

  /**
   * An open stream.
   *
   * @param onTaken called with each item after its handler has had it
   * @param later runs a task in a later turn of the context
   * @param onSinkFailed what it is piped into takes no more
   */
  JobStream(Consumer<T> onTaken, Executor later, Consumer<Throwable> onSinkFailed) {
    this.onTaken = onTaken;
    this.later = later;
    this.onSinkFailed = onSinkFailed;
  }

  void add(T item) {
    queue.add(item);
    deliver();
  }

  /**
   * There is no more, or with a cause there should have been; what is queued still comes first. May
   * be repeated: the first cause is the one that is told.
   */
  void end(@Nullable Throwable cause) {
    ended = true;
    if (failure == null) {
      failure = cause;
    }
    deliver();
  }

  /** Drops what is queued. */
  void clear() {
    queue.clear();
  }

  @Override
  public JobStream<T> handler(@Nullable Handler<T> newHandler) {
    handler = newHandler;
    deliver();
    return this;
  }

  @Override
  public JobStream<T> pause() {
    demand = 0;
    return this;
  }

  @Override
  public JobStream<T> fetch(long amount) {
    if (amount < 0) {
      throw new IllegalArgumentException("amount: " + amount + " (expected: >= 0)");
    }
    demand = demand > Long.MAX_VALUE - amount ? Long.MAX_VALUE : demand + amount;
    deliver();
    return this;
  }

  @Override
  public JobStream<T> resume() {
    return fetch(Long.MAX_VALUE);
  }

  @Override
  public JobStream<T> endHandler(@Nullable Handler<Void> newHandler) {
    endHandler = newHandler;
    deliver();
    return this;
  }

  @Override
  public JobStream<T> exceptionHandler(@Nullable Handler<Throwable> newHandler) {
    exceptionHandler = newHandler;
    deliver();
    return this;
  }

  @Override
  public Pipe<T> pipe() {
    return new SinkPipe<>(ReadStream.super.pipe(), () -> failure != null, onSinkFailed);
  }

  @Override
  public Future<Void> pipeTo(WriteStream<T> sink) {
    return pipe().to(sink);
  }

  // A handler may pause, resume or set another: the loop looks again each time.
  private void deliver() {
    if (delivering) {
      return;
    }
    delivering = true;
    boolean whole = false;
    try {
      while (handler != null && demand > 0 && !queue.isEmpty()) {
        deliver(handler, queue.remove());
      }
      whole = true;
    } finally {
      delivering = false;
      if (!whole) {
        // It threw, which is for the context to report. There may be nothing to call us again.
        later.execute(this::deliver);
      }
    }
    tellEnd();
  }

  private void deliver(Handler<T> to, T item) {
    if (demand != Long.MAX_VALUE) {
      demand--;
    }
    try {
      to.handle(item);
    } finally {
      onTaken.accept(item);
    }
  }

  private void tellEnd() {
    if (!ended || told || !queue.isEmpty()) {
      return;
    }
    if (failure != null) {
      if (exceptionHandler != null) {
        told = true;
        exceptionHandler.handle(failure);
      }
    } else if (endHandler != null) {
      told = true;
      endHandler.handle(null);
    }
  }
}
