package dev.runnel.process.engine;

import dev.runnel.model.Stream;
import dev.runnel.process.loop.Poller;
import dev.runnel.process.spawn.Pipes;
import dev.runnel.process.sys.Epoll;
import dev.runnel.process.sys.Errno;
import dev.runnel.process.sys.Fd;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Our end of the pipe for one output stream of a process, or a terminal's master. The pump's own.
 */
final class OutputPipe {
  /** How much one stream may read before others get their turn. */
  private static final int TURN_BYTES = 256 * 1024;

  /** More than a terminal holds, which tells only of a part of it. */
  private static final int TERMINAL_BYTES = 128 * 1024;

  /** What a pipe holds unless it is told otherwise. A reader that finds it full was awaited. */
  private static final int USUAL_BYTES = 64 * 1024;

  /** What it is told then: as much as one read takes, and as the pump reads in a turn. */
  private static final int STREAMING_BYTES = 256 * 1024;

  private final Poller poller;
  private final int fd;
  private final Pipes.Kind kind;
  private final Stream stream;
  private final Sink sink;
  private Poller.@Nullable Watch watch;
  private boolean open = true;
  private boolean grown;
  private final SmallReadDetector trickle = new SmallReadDetector();
  private boolean pausing;

  /** Where the output goes. */
  interface Sink {
    /** Room for at least a byte; null: none, and the pipes were told to rest. */
    @Nullable MemorySegment reserve(Stream stream);

    void commit(Stream stream, int bytes);

    void outputClosed(Stream stream);

    /** Runs a task on the pump. */
    void schedule(Duration delay, Runnable task);
  }

  OutputPipe(Poller poller, Pipes pipes, Stream stream, Sink sink) {
    this.poller = poller;
    this.fd = stream == Stream.STDOUT ? pipes.stdout() : pipes.stderr();
    this.kind = pipes.kind();
    this.stream = stream;
    this.sink = sink;
  }

  boolean isOpen() {
    return open;
  }

  void watch() {
    pausing = false;
    if (open && watch == null) {
      watch = poller.watch(fd, Epoll.IN, this::ready);
    }
  }

  /** Not an interest of 0, which would go on reporting that the other end hung up. */
  void rest() {
    pausing = false;
    if (watch != null) {
      watch.end();
      watch = null;
    }
  }

  private void ready(int events) {
    if ((events & Epoll.IN) == 0) {
      // The other end is closed and the pipe empty: no need to ask for room to learn it.
      closeAndTell();
    } else {
      follow(read(TURN_BYTES));
    }
  }

  private void follow(int bytes) {
    if (bytes >= USUAL_BYTES) {
      grow();
    } else if (trickle.isWearing(bytes, System.nanoTime()) && watch != null) {
      rest();
      pausing = true;
      sink.schedule(SmallReadDetector.PAUSE, this::resume);
    }
  }

  private void resume() {
    if (pausing) {
      watch();
    }
  }

  // Refused to a user whose pipes hold as much as they may, all together: then it stays as it is.
  private void grow() {
    if (!grown && open && kind == Pipes.Kind.PIPES) {
      grown = true;
      Fd.fcntl(fd, Fd.F_SETPIPE_SZ, STREAMING_BYTES);
    }
  }

  /** Reads what is in the pipe now, as long as there is room, and closes it. */
  void end() {
    if (open) {
      // Counted first: a writer that never stops would be read for ever.
      int left = kind == Pipes.Kind.TERMINAL ? TERMINAL_BYTES : Fd.available(fd);
      int count;
      do {
        count = read(left);
        left -= count;
      } while (count > 0);
      closeAndTell();
    }
  }

  /** How much it was. */
  private int read(int limit) {
    int left = limit;
    // Asked each time: in commit the owner may end or rest the pipe.
    while (open && left > 0) {
      MemorySegment room = sink.reserve(stream);
      if (room == null || !open) {
        break;
      }
      int wanted = (int) Math.min(left, room.byteSize());
      int count = Fd.read(fd, room.asSlice(0, wanted));
      if (count > 0) {
        left -= count;
        sink.commit(stream, count);
      } else if (count != -Errno.EAGAIN) {
        closeAndTell();
      }
      if (count < wanted) {
        break;
      }
    }
    return limit - left;
  }

  private void closeAndTell() {
    if (open) {
      close();
      sink.outputClosed(stream);
    }
  }

  void close() {
    if (open) {
      open = false;
      rest();
      Fd.close(fd);
    }
  }
}
