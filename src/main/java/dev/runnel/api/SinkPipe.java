package dev.runnel.api;

import io.vertx.core.Future;
import io.vertx.core.streams.Pipe;
import io.vertx.core.streams.WriteStream;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * A pipe that says when its sink fails: nobody reads the output any more then. Unlike Vert.x's it
 * does not end the sink when the source fails, unless told to: output that is not whole would look
 * as if it were. On the job's context.
 */
final class SinkPipe<T> implements Pipe<T> {
  private final Pipe<T> pipe;
  private final BooleanSupplier sourceFailed;
  private final Consumer<Throwable> onSinkFailed;

  SinkPipe(Pipe<T> pipe, BooleanSupplier sourceFailed, Consumer<Throwable> onSinkFailed) {
    this.pipe = pipe.endOnFailure(false);
    this.sourceFailed = sourceFailed;
    this.onSinkFailed = onSinkFailed;
  }

  @Override
  public SinkPipe<T> endOnFailure(boolean end) {
    var _ = pipe.endOnFailure(end);
    return this;
  }

  @Override
  public SinkPipe<T> endOnSuccess(boolean end) {
    var _ = pipe.endOnSuccess(end);
    return this;
  }

  @Override
  public SinkPipe<T> endOnComplete(boolean end) {
    var _ = pipe.endOnComplete(end);
    return this;
  }

  @Override
  public Future<Void> to(WriteStream<T> sink) {
    return pipe.to(sink)
        .onFailure(
            e -> {
              if (!sourceFailed.getAsBoolean()) {
                onSinkFailed.accept(e);
              }
            });
  }

  @Override
  public void close() {
    pipe.close();
  }
}
