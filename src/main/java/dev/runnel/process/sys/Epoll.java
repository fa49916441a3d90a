package dev.runnel.process.sys;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.lang.foreign.MemorySegment;

/** epoll(7) as it is: descriptors, events and 64 bits of our own for each. */
public final class Epoll {
  public static final int IN = 0x1;
  public static final int OUT = 0x4;
  public static final int ERR = 0x8;
  public static final int HUP = 0x10;
  public static final int EDGE = 1 << 31;

  private static final int CTL_ADD = 1;
  private static final int CTL_DEL = 2;
  private static final int CTL_MOD = 3;
  private static final int CLOEXEC = 0x80000;

  // struct epoll_event is packed on x86-64, and only there.
  private static final boolean PACKED = System.getProperty("os.arch", "").equals("amd64");
  private static final long EVENT_BYTES = PACKED ? 12 : 16;
  private static final long DATA_OFFSET = PACKED ? 4 : 8;

  private static final MemorySegment CREATE = Libc.symbol("epoll_create1");
  private static final MemorySegment CTL = Libc.symbol("epoll_ctl");
  private static final MemorySegment WAIT = Libc.symbol("epoll_wait");

  /** epoll_pwait2(2), to the nanosecond: Linux 5.11. glibc 2.34 has no function for it. */
  private static final int PWAIT2 = 441;

  private static final MemorySegment SYSCALL = Libc.symbol("syscall");
  private static final long NANOS_PER_MILLI = 1_000_000;
  private static final long NANOS_PER_SECOND = 1_000_000_000;

  private static volatile boolean isExact = true;

  private Epoll() {}

  public static int create() {
    return LibcException.check("epoll_create1", Libc.callInt(CREATE, CLOEXEC, 0, 0));
  }

  public static void add(int epoll, int fd, int events, long data) {
    control(epoll, CTL_ADD, fd, events, data);
  }

  public static void modify(int epoll, int fd, int events, long data) {
    control(epoll, CTL_MOD, fd, events, data);
  }

  public static void remove(int epoll, int fd) {
    control(epoll, CTL_DEL, fd, 0, 0);
  }

  private static void control(int epoll, int operation, int fd, int events, long data) {
    MemorySegment event = Libc.scratch();
    event.set(JAVA_INT, 0, events);
    event.set(JAVA_LONG_UNALIGNED, DATA_OFFSET, data);
    LibcException.check("epoll_ctl", Libc.callInt(CTL, epoll, operation, fd, event.address()));
  }

  /**
   * How many events came, 0 after a signal or when the time was up.
   *
   * @param events from {@link #allocateEvents}
   * @param timeoutNanos at most 24 days; -1: no limit
   */
  public static int await(int epoll, MemorySegment events, long timeoutNanos) {
    int max = (int) (events.byteSize() / EVENT_BYTES);
    int count =
        isExact && timeoutNanos > 0
            ? awaitExactly(epoll, events, max, timeoutNanos)
            : Libc.callInt(WAIT, epoll, events.address(), max, millis(timeoutNanos));
    return count == -Errno.EINTR ? 0 : LibcException.check("epoll_wait", count);
  }

  private static int awaitExactly(int epoll, MemorySegment events, int max, long timeoutNanos) {
    MemorySegment time = Libc.scratch();
    time.setAtIndex(JAVA_LONG, 0, timeoutNanos / NANOS_PER_SECOND);
    time.setAtIndex(JAVA_LONG, 1, timeoutNanos % NANOS_PER_SECOND);
    int count =
        (int) Libc.callLong(SYSCALL, PWAIT2, epoll, events.address(), max, time.address(), 0);
    if (count == -Errno.ENOSYS || count == -Errno.EPERM) {
      // An older kernel, or a filter of system calls that does not know it.
      isExact = false;
      return 0;
    }
    return count;
  }

  // Rounded up: a wait that ends before its time would only be repeated.
  private static int millis(long nanos) {
    return nanos < 0 ? -1 : Math.toIntExact((nanos + NANOS_PER_MILLI - 1) / NANOS_PER_MILLI);
  }

  public static MemorySegment allocateEvents(int count) {
    return Libc.malloc(count * EVENT_BYTES);
  }

  public static int events(MemorySegment events, int index) {
    return events.get(JAVA_INT, index * EVENT_BYTES);
  }

  public static long data(MemorySegment events, int index) {
    return events.get(JAVA_LONG_UNALIGNED, index * EVENT_BYTES + DATA_OFFSET);
  }
}
