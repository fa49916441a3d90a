package dev.runnel.bus;

import dev.runnel.model.Stream;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.streams.ReadStream;
import java.util.ArrayDeque;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Gives a job's output to its consumer, both streams in order or each by itself, and says how far
 * it was consumed: up to the first byte that was not. On the job's context.
 */
final class OutputSplitter {
  private final LongConsumer onConsumed;
  private final ArrayDeque<Piece> pieces = new ArrayDeque<>();
  // Until the consumer has chosen what to read.
  private final ArrayDeque<Piece> undecided = new ArrayDeque<>();
  private @Nullable JobStream<JobOutput> both;
  private @Nullable JobStream<Buffer> stdout;
  private @Nullable JobStream<Buffer> stderr;
  private boolean ended;
  private @Nullable Throwable failure;

  private static final class Piece {
    final JobOutput output;
    boolean consumed;

    Piece(JobOutput output) {
      this.output = output;
    }
  }

  OutputSplitter(LongConsumer onConsumed) {
    this.onConsumed = onConsumed;
  }

  ReadStream<JobOutput> both() {
    if (stdout != null) {
      throw new IllegalStateException("stdout or stderr is read already, each by itself");
    }
    if (both == null) {
      ArrayDeque<Piece> inFlight = new ArrayDeque<>();
      both = new JobStream<>(_ -> consumed(inFlight.remove()));
      JobStream<JobOutput> stream = both;
      decided =
          piece -> {
            inFlight.add(piece);
            stream.add(piece.output);
          };
      decide();
    }
    return both;
  }

  ReadStream<Buffer> one(Stream which) {
    if (both != null) {
      throw new IllegalStateException("output is read already, both streams in order");
    }
    JobStream<Buffer> out = stdout;
    JobStream<Buffer> err = stderr;
    if (out == null || err == null) {
      ArrayDeque<Piece> outInFlight = new ArrayDeque<>();
      ArrayDeque<Piece> errInFlight = new ArrayDeque<>();
      JobStream<Buffer> newOut = new JobStream<>(_ -> consumed(outInFlight.remove()));
      JobStream<Buffer> newErr = new JobStream<>(_ -> consumed(errInFlight.remove()));
      stdout = newOut;
      stderr = newErr;
      decided =
          piece -> {
            boolean toOut = piece.output.stream() == Stream.STDOUT;
            (toOut ? outInFlight : errInFlight).add(piece);
            (toOut ? newOut : newErr).add(piece.output.bytes());
          };
      decide();
      return which == Stream.STDOUT ? newOut : newErr;
    }
    return which == Stream.STDOUT ? out : err;
  }

  private @Nullable Taker decided;

  private interface Taker {
    void take(Piece piece);
  }

  void add(JobOutput output) {
    Piece piece = new Piece(output);
    pieces.add(piece);
    if (decided == null) {
      undecided.add(piece);
    } else {
      decided.take(piece);
    }
  }

  /** There is no more; with a cause, there should have been. */
  void end(@Nullable Throwable cause) {
    ended = true;
    failure = cause;
    tellEnd();
  }

  private void decide() {
    Taker taker = decided;
    if (taker != null) {
      undecided.forEach(taker::take);
      undecided.clear();
    }
    if (ended) {
      tellEnd();
    }
  }

  private void tellEnd() {
    if (both != null) {
      tellEnd(both);
    }
    if (stdout != null) {
      tellEnd(stdout);
    }
    if (stderr != null) {
      tellEnd(stderr);
    }
  }

  private void tellEnd(JobStream<?> stream) {
    if (failure == null) {
      stream.end();
    } else {
      stream.fail(failure);
    }
  }

  private void consumed(Piece piece) {
    piece.consumed = true;
    long offset = -1;
    while (!pieces.isEmpty() && pieces.getFirst().consumed) {
      offset = pieces.removeFirst().output.end();
    }
    if (offset >= 0) {
      onConsumed.accept(offset);
    }
  }
}
