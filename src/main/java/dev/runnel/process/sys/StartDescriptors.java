package dev.runnel.process.sys;

import java.util.ArrayList;
import java.util.List;

/** Descriptors of a start that is under way: closed whatever happens, unless somebody took them. */
public final class StartDescriptors implements AutoCloseable {
  private static final int FIRST_FREE = 3;

  private final List<Integer> open = new ArrayList<>();

  /** A pipe, for one end of which the child gets a copy. */
  public record Pipe(int readEnd, int writeEnd) {}

  /**
   * @throws LibcException if there are too many descriptors
   */
  public Pipe pipe() {
    int[] ends = Fd.pipe();
    LibcException.check("pipe", ends[0]);
    open.add(ends[0]);
    open.add(ends[1]);
    return new Pipe(aboveStandard(ends[0]), aboveStandard(ends[1]));
  }

  /** What sits on 0, 1 or 2 would be overwritten when the child gets its own. */
  private int aboveStandard(int fd) {
    return fd >= FIRST_FREE ? fd : add("fcntl", Fd.fcntl(fd, Fd.F_DUPFD_CLOEXEC, FIRST_FREE));
  }

  /**
   * @throws LibcException if it is a negated errno
   */
  public int add(String call, int fd) {
    open.add(LibcException.check(call, fd));
    return fd;
  }

  /** The same descriptor. */
  public int neverBlocking(int fd) {
    LibcException.check("fcntl", Fd.fcntl(fd, Fd.F_SETFL, Fd.O_NONBLOCK));
    return fd;
  }

  /** Leaves it to the caller. */
  public void release(int fd) {
    open.remove((Integer) fd);
  }

  @Override
  public void close() {
    for (int fd : open) {
      Fd.close(fd);
    }
    open.clear();
  }
}
