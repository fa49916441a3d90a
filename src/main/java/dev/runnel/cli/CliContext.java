package dev.runnel.cli;

import static dev.runnel.model.Signal.QUIT;

import dev.runnel.model.JvmSettings;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.util.Map;
import java.util.function.IntConsumer;
import sun.misc.Signal;

/**
 * What the command line has of the process it runs in; tests make their own.
 *
 * @param input whether stdin can be the command's
 * @param signals by which we are told of signals to us
 * @param halt ends the process at once, from any thread
 */
public record CliContext(
    ReadableByteChannel in,
    OutputDescriptor out,
    OutputDescriptor err,
    Input input,
    Map<String, String> env,
    Signals signals,
    IntConsumer halt) {

  /** What our stdin is. */
  public enum Input {
    /** Somebody types, who did not mean the command unless they say so. */
    TERMINAL,
    STREAM
  }

  /** Where signals to this process come from. */
  public interface Signals {
    /** Has the action run, on a thread of its own, whenever that signal comes. */
    void on(String name, Runnable action);
  }

  static CliContext ofProcess() {
    OutputDescriptor out =
        new OutputDescriptor("stdout", 1, new FileOutputStream(FileDescriptor.out).getChannel());
    OutputDescriptor err =
        new OutputDescriptor("stderr", 2, new FileOutputStream(FileDescriptor.err).getChannel());
    return new CliContext(
        new FileInputStream(FileDescriptor.in).getChannel(),
        out,
        err.beside(out),
        isTerminal() ? Input.TERMINAL : Input.STREAM,
        JvmSettings.restored(System.getenv()),
        CliContext::handle,
        code -> Runtime.getRuntime().halt(code));
  }

  /** The same with another stdout. */
  CliContext withOut(OutputDescriptor other) {
    return new CliContext(in, other, err, input, env, signals, halt);
  }

  /** The same with one channel that takes both stdout and stderr. */
  CliContext withOutputTo(WritableByteChannel channel) {
    OutputDescriptor both = new OutputDescriptor("output", -1, channel);
    return new CliContext(in, both, both, input, env, signals, halt);
  }

  /** The same with another stdin. */
  CliContext withIn(ReadableByteChannel other) {
    return new CliContext(other, out, err, input, env, signals, halt);
  }

  /** The same with a stdin that is nobody's. */
  CliContext withoutInput() {
    return new CliContext(in, out, err, Input.TERMINAL, env, signals, halt);
  }

  /** The same with a stdout and a stderr that take everything. */
  CliContext silent() {
    return withOutputTo(new Nowhere());
  }

  /** Where what nobody wants to see goes. */
  private static final class Nowhere implements WritableByteChannel {
    @Override
    public int write(ByteBuffer bytes) {
      int length = bytes.remaining();
      bytes.position(bytes.limit());
      return length;
    }

    @Override
    public boolean isOpen() {
      return true;
    }

    @Override
    public void close() {}
  }

  // The launcher knows; without it a terminal is recognized by its device.
  private static boolean isTerminal() {
    if (System.getProperty("runnel.launcher") != null) {
      return "tty".equals(System.getProperty("runnel.stdin"));
    }
    return StandardStreams.isTerminal(0);
  }

  /** Has QUIT end this process, as it does other programs, until a verb has a use for it. */
  static void endByQuit() {
    // Not at once, as others may have to put something away.
    handle(QuitSignal.NAME, () -> System.exit(ExecResult.ofSignal(QUIT).exitCode()));
  }

  private static void handle(String name, Runnable action) {
    try {
      String raised = name.equals(QuitSignal.NAME) ? QuitSignal.raised() : name;
      var _ = Signal.handle(new Signal(raised), _ -> action.run());
    } catch (IllegalArgumentException _) {
      // With -Xrs the JVM leaves signals alone: they end us, which cancels the job as well. QUIT is
      // the JVM's own where nothing raises another for it.
    }
  }
}
