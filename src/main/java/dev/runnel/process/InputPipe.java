package dev.runnel.process;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Our end of a process's stdin. The pump's own. */
final class InputPipe {
  private static final int TURN_BYTES = 256 * 1024;

  private final Poller poller;
  private final int fd;
  private final Source source;
  private Poller.@Nullable Watch watch;
  private int interest;
  private boolean open = true;

  /** Where the input comes from. */
  interface Source {
    /** At least a byte; null: nothing until the next {@link #feed}. */
    @Nullable MemorySegment pendingInput();

    void inputTaken(int bytes);

    /** Nobody reads any more; the pipe is closed. */
    void inputBroken();
  }

  InputPipe(Poller poller, int fd, Source source) {
    this.poller = poller;
    this.fd = fd;
    this.source = source;
  }

  /** From now on a reader that goes away is reported, although nothing may be to write. */
  void watch() {
    if (open && watch == null) {
      watch = poller.watch(fd, interest, this::ready);
    }
  }

  boolean isOpen() {
    return open;
  }

  private void ready(int events) {
    if ((events & Epoll.ERR) != 0) {
      closeAndTell();
    } else {
      feed();
    }
  }

  void feed() {
    int left = TURN_BYTES;
    while (open && left > 0) {
      MemorySegment input = source.pendingInput();
      if (input == null || !open) {
        awaitEvents(0);
        return;
      }
      int wanted = (int) Math.min(left, input.byteSize());
      int count = Fd.write(fd, input.asSlice(0, wanted));
      if (count > 0) {
        left -= count;
        source.inputTaken(count);
      } else if (count != -Errno.EAGAIN) {
        closeAndTell();
      }
      if (count < wanted) {
        break;
      }
    }
    // Full, or others have their turn: either way there may be more to write.
    awaitEvents(Epoll.OUT);
  }

  private void awaitEvents(int events) {
    interest = events;
    if (watch != null) {
      watch.interest(events);
    }
  }

  private void closeAndTell() {
    if (open) {
      close();
      source.inputBroken();
    }
  }

  void close() {
    if (open) {
      open = false;
      if (watch != null) {
        watch.end();
        watch = null;
      }
      Fd.close(fd);
    }
  }
}
