package dev.runnel.cli;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.runnel.model.TerminalSize;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import org.jspecify.annotations.Nullable;

/**
 * The terminal we were started at, which is our stdin. Any thread. By foreign functions, the only
 * ones of this room: they cost tens of milliseconds at the start, so nobody gets here without need.
 */
@SuppressWarnings("restricted")
final class TerminalDevice {
  private static final int STDIN = 0;
  private static final int STDERR = 2;
  private static final int TCSANOW = 0;
  private static final int TIOCGWINSZ = 0x5413;
  private static final int SIGSTOP = 19;

  // struct termios of the C library on Linux: four sets of flags, a byte, the control characters.
  private static final long TERMIOS_BYTES = 60;
  private static final long INPUT_OFFSET = 0;
  private static final long OUTPUT_OFFSET = 4;
  private static final long LOCAL_OFFSET = 12;
  private static final int VTIME_OFFSET = 17 + 5;
  private static final int VMIN_OFFSET = 17 + 6;
  // ISTRIP, INLCR, IGNCR, ICRNL, IXON, IXANY, IXOFF.
  private static final int INPUT_CHANGES = 0x20 | 0x40 | 0x80 | 0x100 | 0x400 | 0x800 | 0x1000;
  private static final int IGNPAR = 4;
  private static final int OPOST = 1;
  // ISIG, ICANON, ECHO, ECHOE, ECHOK, ECHONL, IEXTEN.
  private static final int LOCAL_CHANGES = 1 | 2 | 8 | 0x10 | 0x20 | 0x40 | 0x8000;

  private static final MethodHandle CALL =
      Linker.nativeLinker()
          .downcallHandle(FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG));

  private final MemorySegment tcgetattr = symbol("tcgetattr");
  private final MemorySegment tcsetattr = symbol("tcsetattr");
  private final MemorySegment tcgetpgrp = symbol("tcgetpgrp");
  private final MemorySegment getpgrp = symbol("getpgrp");
  private final MemorySegment ioctl = symbol("ioctl");
  private final MemorySegment kill = symbol("kill");

  TerminalDevice() throws Failure {
    if (!System.getProperty("os.name", "").equals("Linux")) {
      throw Failure.usage("--pty: only on Linux so far");
    }
  }

  private static MemorySegment symbol(String name) {
    return Linker.nativeLinker().defaultLookup().findOrThrow(name);
  }

  private static int call(MemorySegment function, long a, long b, long c) {
    try {
      return (int) (long) CALL.invokeExact(function, a, b, c);
    } catch (RuntimeException | Error thrown) {
      throw thrown;
    } catch (Throwable impossible) {
      throw new AssertionError(impossible);
    }
  }

  /** What it does with keys and output; null: stdin is no terminal, or it is gone. */
  byte @Nullable [] modes() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment termios = arena.allocate(TERMIOS_BYTES, 4);
      return call(tcgetattr, STDIN, termios.address(), 0) < 0 ? null : termios.toArray(JAVA_BYTE);
    }
  }

  /** Does nothing if it is gone. */
  void set(byte[] modes) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment termios = arena.allocate(TERMIOS_BYTES, 4);
      MemorySegment.copy(modes, 0, termios, JAVA_BYTE, 0, modes.length);
      // Not after all output was shown: a terminal that was stopped would keep us for ever.
      var _ = call(tcsetattr, STDIN, TCSANOW, termios.address());
    }
  }

  /** The modes in which every key is a byte, and every byte is shown as it is. */
  static byte[] raw(byte[] modes) {
    MemorySegment termios = MemorySegment.ofArray(modes.clone());
    change(termios, INPUT_OFFSET, INPUT_CHANGES, IGNPAR);
    change(termios, OUTPUT_OFFSET, OPOST, 0);
    change(termios, LOCAL_OFFSET, LOCAL_CHANGES, 0);
    termios.set(JAVA_BYTE, VTIME_OFFSET, (byte) 0);
    termios.set(JAVA_BYTE, VMIN_OFFSET, (byte) 1);
    return termios.toArray(JAVA_BYTE);
  }

  private static void change(MemorySegment termios, long offset, int off, int on) {
    int flags = termios.get(JAVA_INT.withByteAlignment(1), offset);
    termios.set(JAVA_INT.withByteAlignment(1), offset, (flags & ~off) | on);
  }

  /** Of stdin's terminal, else of stdout's or stderr's; null: there is none, or it has none. */
  @Nullable TerminalSize size() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment winsize = arena.allocate(4L * Short.BYTES, 2);
      for (int fd = STDIN; fd <= STDERR; fd++) {
        if (call(ioctl, fd, TIOCGWINSZ, winsize.address()) == 0) {
          int rows = Short.toUnsignedInt(winsize.getAtIndex(JAVA_SHORT, 0));
          int cols = Short.toUnsignedInt(winsize.getAtIndex(JAVA_SHORT, 1));
          return rows == 0 || cols == 0 ? null : new TerminalSize(rows, cols);
        }
      }
      return null;
    }
  }

  /** Whether it listens to us; a terminal must not be changed from the background. */
  boolean isOurs() {
    return call(tcgetpgrp, STDIN, 0, 0) == call(getpgrp, 0, 0, 0);
  }

  /** Stops this process, until somebody continues it. */
  void stop() {
    var _ = call(kill, ProcessHandle.current().pid(), SIGSTOP, 0);
  }
}
