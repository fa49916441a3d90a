package dev.runnel.process.sys;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Calls on file descriptors; any thread. Each returns its result or errno negated, and none is
 * tried again after EINTR.
 */
public final class Fd {
  public static final int O_RDONLY = 0;
  public static final int O_RDWR = 2;
  public static final int O_NONBLOCK = 0x800;
  static final int O_CLOEXEC = 0x80000;
  public static final int O_PATH = 0x200000;

  /** To faccessat: the process's own working directory. */
  public static final int AT_FDCWD = -100;

  public static final int X_OK = 1;
  public static final int F_OK = 0;
  public static final int F_GETFD = 1;
  public static final int F_SETFL = 4;
  public static final int F_DUPFD_CLOEXEC = 1030;
  public static final int F_SETPIPE_SZ = 1031;

  /** It has another bit on arm64. */
  public static final int O_DIRECTORY =
      System.getProperty("os.arch", "").equals("aarch64") ? 0x4000 : 0x10000;

  private static final int AT_EACCESS = 0x200;
  private static final int FIONREAD = 0x541B;

  private static final MemorySegment READ = Libc.symbol("read");
  private static final MemorySegment PREAD = Libc.symbol("pread");
  private static final MemorySegment WRITE = Libc.symbol("write");
  private static final MemorySegment CLOSE = Libc.symbol("close");
  private static final MemorySegment OPEN = Libc.symbol("open");
  private static final MemorySegment PIPE2 = Libc.symbol("pipe2");
  private static final MemorySegment FCNTL = Libc.symbol("fcntl");
  private static final MemorySegment IOCTL = Libc.symbol("ioctl");
  private static final MemorySegment FACCESSAT = Libc.symbol("faccessat");
  private static final MemorySegment FCHOWN = Libc.symbol("fchown");
  private static final MemorySegment EVENTFD = Libc.symbol("eventfd");

  private Fd() {}

  public static int read(int fd, MemorySegment into) {
    return (int) Libc.callLong(READ, fd, into.address(), into.byteSize(), 0);
  }

  public static int pread(int fd, MemorySegment into, long offset) {
    return (int) Libc.callLong(PREAD, fd, into.address(), into.byteSize(), offset);
  }

  public static int write(int fd, MemorySegment from) {
    return (int) Libc.callLong(WRITE, fd, from.address(), from.byteSize(), 0);
  }

  public static int close(int fd) {
    return Libc.callInt(CLOSE, fd, 0, 0);
  }

  /** Closes on exec. */
  public static int open(byte[] path, int flags) {
    return openInheritable(path, flags | O_CLOEXEC);
  }

  public static int openInheritable(byte[] path, int flags) {
    try (Arena arena = Arena.ofConfined()) {
      return Libc.callInt(OPEN, CString.of(path, arena).address(), flags, 0);
    }
  }

  /** Whether the effective user may do it to what the path leads to. */
  public static int access(int directory, byte[] path, int mode) {
    try (Arena arena = Arena.ofConfined()) {
      long name = CString.of(path, arena).address();
      return Libc.callInt(FACCESSAT, directory, name, mode, AT_EACCESS);
    }
  }

  /** A pipe of two blocking ends that close on exec: {@code {read, write}}, or {@code {errno}}. */
  public static int[] pipe() {
    MemorySegment ends = Libc.scratch();
    int error = Libc.callInt(PIPE2, ends.address(), O_CLOEXEC, 0);
    return error < 0
        ? new int[] {error}
        : new int[] {ends.getAtIndex(JAVA_INT, 0), ends.getAtIndex(JAVA_INT, 1)};
  }

  public static int fcntl(int fd, int operation, long argument) {
    return Libc.callInt(FCNTL, fd, operation, argument);
  }

  /** How many bytes a pipe holds. */
  public static int available(int fd) {
    MemorySegment count = Libc.scratch();
    int error = Libc.callInt(IOCTL, fd, FIONREAD, count.address());
    return error < 0 ? error : count.get(JAVA_INT, 0);
  }

  /** Changes the owner; the group stays. */
  public static int giveTo(int fd, int uid) {
    return Libc.callInt(FCHOWN, fd, Integer.toUnsignedLong(uid), -1);
  }

  public static int eventfd() {
    return Libc.callInt(EVENTFD, 0, O_CLOEXEC | O_NONBLOCK, 0);
  }

  /** Makes an eventfd readable. */
  public static int post(int eventfd) {
    MemorySegment one = Libc.scratch().asSlice(0, Long.BYTES);
    one.set(JAVA_LONG_UNALIGNED, 0, 1);
    return write(eventfd, one);
  }
}
