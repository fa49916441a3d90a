package dev.runnel.process;

import java.lang.foreign.MemorySegment;

/** Error numbers of Linux, the same on x86-64 and arm64, and what the C library calls them. */
@SuppressWarnings("restricted")
final class Errno {
  static final int EPERM = 1;
  static final int ENOENT = 2;
  static final int ESRCH = 3;
  static final int EINTR = 4;
  static final int EBADF = 9;
  static final int EAGAIN = 11;
  static final int ENOMEM = 12;
  static final int EACCES = 13;
  static final int ENODEV = 19;
  static final int ENOTDIR = 20;
  static final int EINVAL = 22;
  static final int ENFILE = 23;
  static final int EMFILE = 24;
  static final int ENOSYS = 38;
  static final int ETIMEDOUT = 110;
  static final int ESTALE = 116;

  private static final MemorySegment STRERRORNAME_NP = Libc.symbol("strerrorname_np");
  private static final MemorySegment STRERRORDESC_NP = Libc.symbol("strerrordesc_np");

  private Errno() {}

  /** Such as {@code ENOENT}; the number itself if it has no name. */
  static String name(int errno) {
    return text(STRERRORNAME_NP, errno);
  }

  /** Such as {@code No such file or directory}, whatever the locale. */
  static String description(int errno) {
    return text(STRERRORDESC_NP, errno);
  }

  private static String text(MemorySegment function, int errno) {
    long address = Libc.call(function, errno, 0, 0);
    return address == 0
        ? Integer.toString(errno)
        : MemorySegment.ofAddress(address).reinterpret(Long.MAX_VALUE).getString(0);
  }
}
