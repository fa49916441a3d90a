package dev.runnel.fanout;

import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.ReadableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/**
 * Our stdin as it comes, in a file without a name, so that each node reads it at its own pace, also
 * one that begins later. Written by a thread of its own, read on the fleet's event loop.
 */
final class InputSpool {
  private static final int PIECE_BYTES = 32 << 10;

  private final ReadableByteChannel in;
  private final FileChannel file;
  private final Runnable onChange;
  private volatile long length;
  private volatile boolean ended;
  private volatile @Nullable String failure;

  private InputSpool(ReadableByteChannel in, FileChannel file, Runnable onChange) {
    this.in = in;
    this.file = file;
    this.onChange = onChange;
  }

  /**
   * Begins to read.
   *
   * @param onChange told that there is more, or that there will be no more
   */
  static InputSpool start(ReadableByteChannel in, Runnable onChange) throws IOException {
    Path path = Files.createTempFile("runnel-stdin-", null);
    FileChannel file = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
    Files.deleteIfExists(path);
    InputSpool spool = new InputSpool(in, file, onChange);
    Thread reader = new Thread(spool::copy, "stdin");
    reader.setDaemon(true);
    reader.start();
    return spool;
  }

  private void copy() {
    ByteBuffer buffer = ByteBuffer.allocate(PIECE_BYTES);
    long end = 0;
    try {
      while (in.read(buffer) >= 0) {
        buffer.flip();
        while (buffer.hasRemaining()) {
          end += file.write(buffer, end);
        }
        length = end;
        buffer.clear();
        onChange.run();
      }
    } catch (IOException e) {
      failure = String.valueOf(e.getMessage());
    } catch (RuntimeException | Error e) {
      // Else all nodes would wait for the rest of it.
      failure = e.toString();
    }
    ended = true;
    onChange.run();
  }

  /** Why it is not all there; null: it is, so far. */
  @Nullable String failure() {
    return failure;
  }

  /** What begins there, as far as it has come and fits; empty: nothing yet. */
  Buffer read(long offset) throws IOException {
    int most = (int) Math.min(PIECE_BYTES, length - offset);
    ByteBuffer buffer = ByteBuffer.allocate(most);
    while (buffer.hasRemaining() && file.read(buffer, offset + buffer.position()) > 0) {}
    return Buffer.buffer(buffer.array()).slice(0, buffer.position());
  }

  /** Whether nothing comes after that. */
  boolean isEnd(long offset) {
    // In this order: what came before the end is counted by then.
    return ended && offset == length;
  }
}
