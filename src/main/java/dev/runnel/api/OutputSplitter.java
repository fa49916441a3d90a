package dev.runnel.api;

import dev.runnel.model.Stream;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.streams.ReadStream;
import java.util.ArrayDeque;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Gives a job's output to its consumer, both streams in order or each by itself, and says how far
 * it was consumed: up to the first byte that was not. On the job's context.
 */
final class OutputSplitter {
  private final LongConsumer onConsumed;
  private final Executor later;
  private final long maxKeptBytes;
  private final Consumer<Throwable> onSinkFailed;
  private final ArrayDeque<Piece> pieces = new ArrayDeque<>();
  private final Map<Stream, Side> sides = new EnumMap<>(Stream.class);
  private @Nullable Taker taker;

  /** Whatever is read of both in order. */
  private @Nullable JobStream<?> whole;

  private @Nullable JobStream<JobOutput> both;
  private @Nullable JobStream<Buffer> merged;
  private long unconsumedBytes;
  private boolean ended;
  private @Nullable Throwable failure;

  private interface Taker {
    void take(Piece piece);
  }

  private static final class Piece {
    final JobOutput output;
    boolean consumed;

    Piece(JobOutput output) {
      this.output = output;
    }

    int bytes() {
      return output.bytes().length();
    }
  }

  /**
   * Nothing has come yet.
   *
   * @param later runs a task in a later turn of the context
   * @param maxKeptBytes of a stream that nobody asked for, while the other is read
   * @param onSinkFailed what output is piped into takes no more
   */
  OutputSplitter(
      LongConsumer onConsumed,
      Executor later,
      long maxKeptBytes,
      Consumer<Throwable> onSinkFailed) {
    this.onConsumed = onConsumed;
    this.later = later;
    this.maxKeptBytes = maxKeptBytes;
    this.onSinkFailed = onSinkFailed;
  }

  ReadStream<JobOutput> both() {
    if (both == null) {
      both = inOrder(output -> output);
    }
    return both;
  }

  /** The bytes alone, of both streams in order. */
  ReadStream<Buffer> merged() {
    if (merged == null) {
      merged = inOrder(JobOutput::bytes);
    }
    return merged;
  }

  private <T> JobStream<T> inOrder(Function<JobOutput, T> part) {
    if (!sides.isEmpty()) {
      throw new IllegalStateException("stdout or stderr is read already, each by itself");
    }
    if (isInOrder()) {
      throw new IllegalStateException("output is read already, both streams in order");
    }
    ArrayDeque<Piece> inFlight = new ArrayDeque<>();
    JobStream<T> stream = stream(inFlight);
    whole = stream;
    decide(
        piece -> {
          inFlight.add(piece);
          stream.add(part.apply(piece.output));
        });
    return stream;
  }

  private <T> JobStream<T> stream(ArrayDeque<Piece> inFlight) {
    return new JobStream<>(_ -> consumed(inFlight.remove()), later, onSinkFailed);
  }

  private boolean isInOrder() {
    return whole != null;
  }

  ReadStream<Buffer> one(Stream which) {
    if (isInOrder()) {
      throw new IllegalStateException("output is read already, both streams in order");
    }
    ReadStream<Buffer> stream = side(which).ask();
    takeSides();
    return stream;
  }

  /** Drops what is not asked for by now, and what still comes of it. */
  void discard() {
    if (!isInOrder()) {
      side(Stream.STDOUT).discard();
      side(Stream.STDERR).discard();
      takeSides();
    }
  }

  private Side side(Stream which) {
    return sides.computeIfAbsent(which, Side::new);
  }

  private void takeSides() {
    if (taker == null) {
      decide(piece -> side(piece.output.stream()).take(piece));
    }
  }

  void add(JobOutput output) {
    Piece piece = new Piece(output);
    pieces.add(piece);
    unconsumedBytes += piece.bytes();
    if (taker != null) {
      taker.take(piece);
    }
  }

  /** Bytes that came and that nobody has consumed. */
  long unconsumedBytes() {
    return unconsumedBytes;
  }

  /** The same of one stream. */
  long unconsumedBytes(Stream which) {
    long bytes = 0;
    for (Piece piece : pieces) {
      bytes += piece.consumed || piece.output.stream() != which ? 0 : piece.bytes();
    }
    return bytes;
  }

  /** There is no more; with a cause, there should have been. */
  void end(@Nullable Throwable cause) {
    ended = true;
    failure = cause;
    tellEnd();
  }

  // Until the consumer has chosen what to read, all that came waits.
  private void decide(Taker decided) {
    taker = decided;
    new ArrayDeque<>(pieces).forEach(decided::take);
    if (ended) {
      tellEnd();
    }
  }

  private void tellEnd() {
    if (whole != null) {
      whole.end(failure);
    }
    sides.values().forEach(side -> side.stream.end(failure));
  }

  private void endIfEnded(JobStream<?> stream) {
    if (ended) {
      stream.end(failure);
    }
  }

  private void consumed(Piece piece) {
    piece.consumed = true;
    unconsumedBytes -= piece.bytes();
    long offset = -1;
    while (!pieces.isEmpty() && pieces.getFirst().consumed) {
      offset = pieces.removeFirst().output.end();
    }
    if (offset >= 0) {
      onConsumed.accept(offset);
    }
  }

  /**
   * One stream by itself. Before somebody asks for it, it holds nobody back: what came is kept, up
   * to a bound, and if that was too little whoever asks is told.
   */
  private final class Side {
    final Stream which;
    final ArrayDeque<Piece> inFlight = new ArrayDeque<>();
    final JobStream<Buffer> stream = stream(inFlight);
    private boolean asked;
    private boolean discarding;
    private long keptBytes;
    private long droppedBytes;

    Side(Stream which) {
      this.which = which;
      endIfEnded(stream);
    }

    ReadStream<Buffer> ask() {
      if (!asked && discarding) {
        stream.end(
            new CommandException.Damaged(
                which.wireName()
                    + ": "
                    + droppedBytes
                    + " bytes, not kept as nobody asked for it"));
      }
      asked = true;
      return stream;
    }

    void discard() {
      if (!asked) {
        discarding = true;
        drop();
      }
    }

    void take(Piece piece) {
      if (!asked) {
        keptBytes += piece.bytes();
        discarding |= keptBytes > maxKeptBytes;
      }
      if (discarding) {
        droppedBytes += asked ? piece.bytes() : 0;
        drop();
        consumed(piece);
        return;
      }
      inFlight.add(piece);
      stream.add(piece.output.bytes());
      if (!asked) {
        consumed(piece);
      }
    }

    private void drop() {
      droppedBytes += keptBytes;
      keptBytes = 0;
      inFlight.clear();
      stream.clear();
    }
  }
}
