package dev.runnel.bus;

import io.vertx.core.Handler;
import io.vertx.core.streams.ReadStream;
import java.util.ArrayDeque;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What a consumer reads of a job's output. Nothing is handed on before there is a handler, and what
 * was not handed on is not acknowledged. On the job's context.
 */
final class JobStream<T> implements ReadStream<T> {
  private final ArrayDeque<T> queue = new ArrayDeque<>();
  private final Consumer<T> onTaken;
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
   */
  JobStream(Consumer<T> onTaken) {
    this.onTaken = onTaken;
  }

  void add(T item) {
    queue.add(item);
    deliver();
  }

  /** There is no more; what is queued still comes first. */
  void end() {
    ended = true;
    deliver();
  }

  void fail(Throwable cause) {
    failure = cause;
    end();
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
    return this;
  }

  // A handler may pause, resume or set another: the loop looks again each time.
  private void deliver() {
    if (delivering) {
      return;
    }
    delivering = true;
    try {
      while (handler != null && demand > 0) {
        T item = queue.poll();
        if (item == null) {
          break;
        }
        if (demand != Long.MAX_VALUE) {
          demand--;
        }
        handler.handle(item);
        onTaken.accept(item);
      }
    } finally {
      delivering = false;
    }
    tellEnd();
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
