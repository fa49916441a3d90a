package dev.runnel.fanout;

import dev.runnel.cli.CliContext;
import dev.runnel.cli.Failure;
import dev.runnel.cli.OutputDescriptor;
import dev.runnel.model.Stream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Writes what the nodes print, one piece after the other, on the thread that calls {@link #run};
 * pieces are added on any. Whoever adds one asks {@link #isFull} afterwards, and adds no more until
 * there is room.
 */
final class Printer {
  private static final int MAX_WAITING_BYTES = 1 << 20;
  private static final byte[] CLEAR_LINE = "\r\033[K".getBytes(StandardCharsets.UTF_8);

  private final OutputDescriptor out;
  private final OutputDescriptor err;
  private final Runnable onRoom;
  private final Consumer<String> onFailure;
  private final ArrayDeque<Piece> waiting = new ArrayDeque<>();
  private long waitingBytes;
  private boolean isAwaited;
  private boolean finished;
  private @Nullable String status;
  private @Nullable String shownStatus;
  private @Nullable Failure failure;

  /** One write, and how much of our memory it holds. */
  private record Piece(int bytes, Task task) {}

  /** What may block. */
  interface Task {
    void run() throws Failure, IOException;
  }

  /**
   * Nothing is written yet.
   *
   * @param onRoom told once each time there is room again
   * @param onFailure told why nothing can be written any more
   */
  Printer(CliContext context, Runnable onRoom, Consumer<String> onFailure) {
    this.out = context.out();
    this.err = context.err();
    this.onRoom = onRoom;
    this.onFailure = onFailure;
  }

  /** The bytes belong to the printer afterwards. */
  void print(Stream stream, byte[] bytes) {
    add(bytes.length, () -> write(stream, bytes));
  }

  /** Blocks until it is written; on the thread that writes. */
  void write(Stream stream, byte[] bytes) throws Failure {
    clearStatus();
    (stream == Stream.STDOUT ? out : err).write(ByteBuffer.wrap(bytes));
  }

  /** A line about it all. */
  void tell(String line) {
    add(
        line.length(),
        () -> {
          clearStatus();
          err.tryPrintLine(line);
        });
  }

  /** The same for the end of a file. */
  void append(Path file, byte[] bytes) {
    add(
        bytes.length,
        () -> Files.write(file, bytes, StandardOpenOption.CREATE, StandardOpenOption.APPEND));
  }

  synchronized void add(int bytes, Task task) {
    if (failure == null) {
      waiting.add(new Piece(bytes, task));
      waitingBytes += bytes;
      notifyAll();
    }
  }

  /** Shows that line below all others, until there is another. */
  synchronized void status(String line) {
    status = line;
    notifyAll();
  }

  /** Whether nothing should be added; {@code onRoom} is told when that is over. */
  synchronized boolean isFull() {
    isAwaited |= waitingBytes >= MAX_WAITING_BYTES;
    return waitingBytes >= MAX_WAITING_BYTES;
  }

  /** There is no more. */
  synchronized void finish() {
    finished = true;
    notifyAll();
  }

  /** Writes until there is no more; null: all of it is written. */
  @Nullable Failure run() throws InterruptedException {
    while (true) {
      Piece piece = next();
      if (piece == null) {
        clearStatus();
        return failure;
      }
      try {
        piece.task().run();
      } catch (Failure e) {
        fail(e);
      } catch (IOException e) {
        fail(Failure.of("cannot write: " + e));
      }
      done(piece);
    }
  }

  private synchronized @Nullable Piece next() throws InterruptedException {
    while (waiting.isEmpty() && !finished && (status == null || status.equals(shownStatus))) {
      wait();
    }
    if (!waiting.isEmpty()) {
      return waiting.remove();
    }
    String line = status;
    return finished || line == null ? null : new Piece(0, () -> showStatus(line));
  }

  private void done(Piece piece) {
    boolean room;
    synchronized (this) {
      waitingBytes -= failure == null ? piece.bytes() : 0;
      room = isAwaited && waitingBytes <= MAX_WAITING_BYTES / 2;
      isAwaited &= !room;
    }
    if (room) {
      onRoom.run();
    }
  }

  private void fail(Failure why) {
    synchronized (this) {
      if (failure != null) {
        return;
      }
      failure = why;
      waiting.clear();
      waitingBytes = 0;
    }
    onFailure.accept(why.line());
  }

  private void showStatus(String line) {
    clearStatus();
    shownStatus = line;
    tryWrite(line.getBytes(StandardCharsets.UTF_8));
  }

  private void clearStatus() {
    if (shownStatus != null) {
      shownStatus = null;
      tryWrite(CLEAR_LINE);
    }
  }

  private void tryWrite(byte[] bytes) {
    try {
      err.write(ByteBuffer.wrap(bytes));
    } catch (Failure _) {
      // It is for people only.
    }
  }
}
