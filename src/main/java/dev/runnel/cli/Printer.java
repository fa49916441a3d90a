package dev.runnel.cli;

import dev.runnel.model.Stream;
import java.nio.ByteBuffer;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Writes a job's output to our stdout and stderr, on a thread of its own that begins with the first
 * of it, and acknowledges what was written. The other methods are for the thread that reads the
 * connection.
 */
final class Printer {
  /** However large the window: on a server short of memory a log may hold no more than 64 KiB. */
  private static final long UNACKED_BYTES = 32 * 1024;

  /** While there is more to write an acknowledgement may wait so long. */
  private static final long MAX_UNACKED_BYTES = 256 * 1024;

  private static final long MAX_BACKLOG_BYTES = 1 << 30;

  private final OutputDescriptor out;
  private final OutputDescriptor err;
  private final OutputBuffer backlog;
  private final long window;
  private final LongConsumer acknowledge;
  private final Runnable broken;
  private final StreamChecksum stdout = new StreamChecksum("stdout");
  private final StreamChecksum stderr = new StreamChecksum("stderr");

  private boolean started;
  private long acked;

  /**
   * @param window the credit we gave; 0: none, and nothing is to be acknowledged
   * @param acknowledge is given the offset below which everything is written
   * @param broken runs, on our thread, when nothing can be written any more
   */
  Printer(CliContext surroundings, long window, LongConsumer acknowledge, Runnable broken) {
    this.out = surroundings.out();
    this.err = surroundings.err();
    this.window = window;
    this.acknowledge = acknowledge;
    this.broken = broken;
    this.backlog =
        new OutputBuffer((int) Math.min(MAX_BACKLOG_BYTES, window + OutputBuffer.LITTLE_BYTES));
  }

  /** Has the bytes written, which are copied. */
  void print(Stream stream, long offset, ByteBuffer bytes) throws Failure {
    if (!started) {
      started = true;
      acked = offset;
      Thread thread = new Thread(this::run, "printer");
      thread.setDaemon(true);
      thread.start();
    }
    backlog.put(stream, offset, bytes);
  }

  /** As {@link OutputBuffer#drop}. */
  long drop(long next) {
    return backlog.drop(next);
  }

  /** Blocks until all of it is written. */
  void finish() throws Failure {
    backlog.finish();
  }

  /** Throws why nothing can be written any more, if so. */
  void check() throws Failure {
    backlog.check();
  }

  /** What was written to stdout; for after {@link #finish}. */
  StreamChecksum stdout() {
    return stdout;
  }

  StreamChecksum stderr() {
    return stderr;
  }

  private void run() {
    try {
      OutputBuffer.@Nullable Piece piece;
      while ((piece = backlog.take()) != null) {
        boolean isStdout = piece.stream() == Stream.STDOUT;
        (isStdout ? stdout : stderr).add(piece.bytes());
        (isStdout ? out : err).write(piece.bytes());
        acknowledge(piece.end(), backlog.release());
      }
    } catch (Failure e) {
      backlog.fail(e);
      broken.run();
    }
  }

  private void acknowledge(long written, boolean idle) {
    long unacked = written - acked;
    long most = Math.min(window / 2, idle ? UNACKED_BYTES : MAX_UNACKED_BYTES);
    if (window > 0 && unacked >= most) {
      acked = written;
      acknowledge.accept(written);
    }
  }
}
