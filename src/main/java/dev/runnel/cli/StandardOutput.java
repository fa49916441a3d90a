package dev.runnel.cli;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Our stdout, for verbs of other rooms: a {@link PrintStream} forgets why a write failed, and its
 * caller that one did. For one verb; any thread.
 */
public final class StandardOutput {
  private final CliContext surroundings = CliContext.ofProcess();
  private volatile @Nullable Failure failure;

  private StandardOutput() {}

  /** Runs a verb, and returns its exit code, or that of a write that failed, which is told. */
  public static int run(ToIntFunction<PrintStream> verb) {
    return new StandardOutput().check(verb);
  }

  private int check(ToIntFunction<PrintStream> verb) {
    PrintStream out = new PrintStream(new Checked(), false, StandardCharsets.UTF_8);
    int code = verb.applyAsInt(out);
    out.flush();
    Failure failed = failure;
    if (failed == null) {
      return code;
    }
    if (failed.exitCode() != Failure.STDOUT_GONE) {
      surroundings.err().tryPrintLine(failed.line());
    }
    return failed.exitCode();
  }

  private final class Checked extends OutputStream {
    @Override
    public void write(int b) throws IOException {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int from, int length) throws IOException {
      try {
        surroundings.out().write(ByteBuffer.wrap(bytes, from, length));
      } catch (Failure e) {
        failure = e;
        throw new IOException(e.line(), e);
      }
    }
  }
}
