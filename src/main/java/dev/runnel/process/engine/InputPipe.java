package dev.runnel.process.engine;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.runnel.process.loop.Poller;
import dev.runnel.process.spawn.Pipes;
import dev.runnel.process.sys.Epoll;
import dev.runnel.process.sys.Errno;
import dev.runnel.process.sys.Fd;
import dev.runnel.process.sys.PseudoTerminal;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Our end of a process's stdin, a pipe or a terminal's master. The pump's own. */
final class InputPipe {
  private static final int TURN_BYTES = 256 * 1024;

  private final Poller poller;
  private final int fd;
  private final Pipes.Kind kind;
  private Source source;
  private Poller.@Nullable Watch watch;
  private int interest;
  private boolean open = true;
  private boolean midLine;

  /** Where the input comes from. */
  interface Source {
    /** At least a byte; null: nothing until the next {@link #feed}. */
    @Nullable MemorySegment pendingInput();

    void inputTaken(int bytes);

    /** Nobody reads any more; the pipe is closed. */
    void inputBroken();

    /** Closed after {@link #finish}. */
    void inputFinished();
  }

  InputPipe(Poller poller, int fd, Pipes.Kind kind, Source source) {
    this.poller = poller;
    this.fd = fd;
    this.kind = kind;
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
    // A pipe without readers has an error, a terminal that nobody has open hangs up.
    if ((events & (Epoll.ERR | Epoll.HUP)) != 0) {
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
        byte last = input.get(JAVA_BYTE, count - 1L);
        midLine = last != '\n' && last != '\r';
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

  /**
   * The process sees end of file once it has read what was fed: a pipe is closed, at a terminal its
   * character for it is typed.
   */
  void finish() {
    if (open && kind == Pipes.Kind.TERMINAL) {
      source = new Farewell(source, PseudoTerminal.endOfFile(fd, midLine));
      feed();
    } else {
      closeAndSay();
    }
  }

  private void closeAndSay() {
    if (open) {
      close();
      source.inputFinished();
    }
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

  /** The last that is typed at a terminal. */
  private final class Farewell implements Source {
    private final Source before;
    private MemorySegment rest;

    private Farewell(Source before, byte[] characters) {
      this.before = before;
      this.rest = Arena.ofAuto().allocateFrom(JAVA_BYTE, characters);
    }

    @Override
    public @Nullable MemorySegment pendingInput() {
      return rest;
    }

    @Override
    public void inputTaken(int bytes) {
      rest = rest.asSlice(bytes);
      if (rest.byteSize() == 0) {
        closeAndSay();
      }
    }

    @Override
    public void inputBroken() {
      before.inputFinished();
    }

    @Override
    public void inputFinished() {
      before.inputFinished();
    }
  }
}
