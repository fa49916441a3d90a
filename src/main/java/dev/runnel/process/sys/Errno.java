package dev.runnel.process.sys;

import java.lang.foreign.MemorySegment;

/** Error numbers of Linux, the same on x86-64 and arm64, and what the C library calls them. */
@SuppressWarnings("restricted")
public final class Errno {
  public static final int EPERM = 1;
  public static final int ENOENT = 2;
  public static final int ESRCH = 3;
  public static final int EINTR = 4;
  public static final int EBADF = 9;
  public static final int EAGAIN = 11;
  public static final int ENOMEM = 12;
  public static final int EACCES = 13;
  public static final int ENODEV = 19;
  public static final int ENOTDIR = 20;
  public static final int EINVAL = 22;
  public static final int ENFILE = 23;
  public static final int EMFILE = 24;
  static final int ENOSYS = 38;
  public static final int ETIMEDOUT = 110;
  public static final int ESTALE = 116;

  private static final MemorySegment STRERRORNAME_NP = Libc.symbol("strerrorname_np");
  private static final MemorySegment STRERRORDESC_NP = Libc.symbol("strerrordesc_np");

  private Errno() {}

  /** Such as {@code ENOENT}; the number itself if it has no name. */
  public static String name(int errno) {
    return text(STRERRORNAME_NP, errno);
  }

  /** Such as {@code No such file or directory}, whatever the locale. */
  public static String description(int errno) {
    return text(STRERRORDESC_NP, errno);
  }

  private static String text(MemorySegment function, int errno) {
    long address = Libc.call(function, errno, 0, 0);
    return address == 0
        ? Integer.toString(errno)
        : MemorySegment.ofAddress(address).reinterpret(Long.MAX_VALUE).getString(0);
  }
}
