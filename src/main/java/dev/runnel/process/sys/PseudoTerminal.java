package dev.runnel.process.sys;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.runnel.model.TerminalMode;
import dev.runnel.model.TerminalModes;
import dev.runnel.model.TerminalSize;
import java.lang.foreign.MemorySegment;

/**
 * Calls on the master of a pseudo terminal, pty(7); any thread. What they set or ask is the
 * slave's, on which the command runs.
 */
public final class PseudoTerminal {
  /** Ctrl-D, unless a command chose another character. */
  static final byte DEFAULT_END_OF_FILE = 4;

  private static final int O_NOCTTY = 0x100;
  private static final int TCGETS = 0x5401;
  private static final int TCSETS = 0x5402;
  private static final int TIOCGPGRP = 0x540F;
  private static final int TIOCSWINSZ = 0x5414;

  // struct termios of the kernel: four sets of flags, a byte, and the control characters.
  private static final int IUTF8 = 0x4000;
  private static final long LOCAL_FLAGS_OFFSET = 12;
  private static final int ICANON = 2;
  private static final long END_OF_FILE_OFFSET = 17 + 4;

  private static final long NAME_BYTES = 64;

  private static final MemorySegment OPENPT = Libc.symbol("posix_openpt");
  private static final MemorySegment GRANTPT = Libc.symbol("grantpt");
  private static final MemorySegment UNLOCKPT = Libc.symbol("unlockpt");
  private static final MemorySegment PTSNAME_R = Libc.symbol("ptsname_r");
  private static final MemorySegment IOCTL = Libc.symbol("ioctl");

  private PseudoTerminal() {}

  /** A new one's master, or errno negated. Closes on exec. */
  public static int open() {
    return Libc.callInt(OPENPT, Fd.O_RDWR | O_NOCTTY | Fd.O_CLOEXEC, 0, 0);
  }

  /**
   * Lets the slave be opened: its path.
   *
   * @throws LibcException if the system does not let it
   */
  public static byte[] unlock(int master) {
    LibcException.check("grantpt", Libc.callInt(GRANTPT, master, 0, 0));
    LibcException.check("unlockpt", Libc.callInt(UNLOCKPT, master, 0, 0));
    MemorySegment name = Libc.scratch();
    int error = (int) Libc.call(PTSNAME_R, master, name.address(), NAME_BYTES);
    LibcException.check("ptsname_r", -error);
    int length = 0;
    while (name.get(JAVA_BYTE, length) != 0) {
      length++;
    }
    return name.asSlice(0, length).toArray(JAVA_BYTE);
  }

  /** The foreground processes get WINCH if it is another size. */
  public static int resize(int master, TerminalSize size) {
    MemorySegment winsize = Libc.scratch().asSlice(0, 4 * Short.BYTES).fill((byte) 0);
    winsize.setAtIndex(JAVA_SHORT, 0, (short) size.rows());
    winsize.setAtIndex(JAVA_SHORT, 1, (short) size.cols());
    return Libc.callInt(IOCTL, master, TIOCSWINSZ, winsize.address());
  }

  /**
   * Sets modes before anybody reads or writes there. The line editing of the kernel erases whole
   * characters, rather than bytes, unless they say otherwise.
   */
  public static int set(int master, TerminalModes modes) {
    MemorySegment termios = Libc.scratch();
    int error = Libc.callInt(IOCTL, master, TCGETS, termios.address());
    if (error < 0) {
      return error;
    }
    termios.set(JAVA_INT, 0, termios.get(JAVA_INT, 0) | IUTF8);
    byte[] bytes = termios.asSlice(0, TerminalMode.TERMIOS_BYTES).toArray(JAVA_BYTE);
    modes.applyTo(bytes);
    MemorySegment.copy(bytes, 0, termios, JAVA_BYTE, 0, bytes.length);
    return Libc.callInt(IOCTL, master, TCSETS, termios.address());
  }

  /**
   * What has to be typed for a reader to see end of file, termios(3).
   *
   * @param isMidLine whether the line typed last is unfinished: the first one only sends it off
   */
  public static byte[] endOfFile(int master, boolean isMidLine) {
    MemorySegment termios = Libc.scratch();
    if (Libc.callInt(IOCTL, master, TCGETS, termios.address()) < 0) {
      return new byte[] {DEFAULT_END_OF_FILE};
    }
    byte character = termios.get(JAVA_BYTE, END_OF_FILE_OFFSET);
    boolean byLine = (termios.get(JAVA_INT, LOCAL_FLAGS_OFFSET) & ICANON) != 0;
    return byLine && isMidLine ? new byte[] {character, character} : new byte[] {character};
  }

  /** The process group in the foreground; or errno negated, or 0. */
  public static int foreground(int master) {
    MemorySegment group = Libc.scratch();
    int error = Libc.callInt(IOCTL, master, TIOCGPGRP, group.address());
    return error < 0 ? error : group.get(JAVA_INT, 0);
  }
}
