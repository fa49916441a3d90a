package dev.runnel.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.Pipe;
import java.util.function.LongConsumer;

/**
 * {@code exec} of the end of a copy that is elsewhere, on a thread of its own; its stdin and stdout
 * are ours to write and read, by one thread each.
 */
final class CopyJob implements AutoCloseable {
  private static final int PIECE_BYTES = 128 * 1024;

  private final Pipe input;
  private final Pipe output;
  private final Thread thread;
  private volatile int code = Failure.OURS;

  private CopyJob(CliContext context, CommandLine exec) throws IOException {
    input = Pipe.open();
    output = Pipe.open();
    CliContext lent =
        context.withIn(input.source()).withOut(new OutputDescriptor("this end", -1, output.sink()));
    thread = new Thread(() -> run(lent, exec), "copy");
    thread.setDaemon(true);
  }

  static CopyJob start(CliContext context, CommandLine exec) throws Failure {
    try {
      CopyJob job = new CopyJob(context, exec);
      job.thread.start();
      return job;
    } catch (IOException e) {
      throw Failure.of("no pipe can be made: " + e.getMessage());
    }
  }

  private void run(CliContext context, CommandLine exec) {
    try {
      code = ExecVerb.DEFINITION.run(context, exec);
    } catch (Failure e) {
      context.err().tryPrintLine(e.line());
    } catch (IOException e) {
      context.err().tryPrintLine(Reasons.withFile(e));
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    } finally {
      closeQuietly(output.sink());
      closeQuietly(input.source());
    }
  }

  InputStream in() {
    return Channels.newInputStream(output.source());
  }

  OutputStream out() {
    return Channels.newOutputStream(input.sink());
  }

  /** We send nothing more, and read nothing more. */
  void finish() {
    closeQuietly(input.sink());
    closeQuietly(output.source());
  }

  /** Blocks until its end, and returns the exit code. */
  int await() throws InterruptedException {
    thread.join();
    return code;
  }

  /** Whether it ended because we left. */
  boolean wasLeft() {
    return code == Failure.STDOUT_GONE;
  }

  @Override
  public void close() {
    finish();
  }

  private static void closeQuietly(AutoCloseable channel) {
    try {
      channel.close();
    } catch (Exception _) {
      // A pipe of ours: there is nothing to be lost.
    }
  }

  /** Passes on what comes until there is no more, and says that to the other side. */
  static void pass(InputStream from, OutputStream to, LongConsumer moved) {
    byte[] piece = new byte[PIECE_BYTES];
    try (from;
        to) {
      int read;
      while ((read = from.read(piece)) >= 0) {
        to.write(piece, 0, read);
        moved.accept(read);
      }
    } catch (IOException _) {
      // One of them has ended: it says why.
    }
  }

  /** Our stdout as a stream. */
  static final class Output extends OutputStream {
    private final OutputDescriptor descriptor;

    /** It takes no more. */
    static final class LostException extends IOException {
      private static final long serialVersionUID = 1;
      private final transient Failure failure;

      LostException(Failure failure) {
        super(failure.line());
        this.failure = failure;
      }

      Failure failure() {
        return failure;
      }
    }

    Output(OutputDescriptor descriptor) {
      this.descriptor = descriptor;
    }

    @Override
    public void write(int b) throws IOException {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int from, int length) throws IOException {
      try {
        descriptor.write(ByteBuffer.wrap(bytes, from, length));
      } catch (Failure e) {
        throw new LostException(e);
      }
    }
  }
}
