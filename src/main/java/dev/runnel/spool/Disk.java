package dev.runnel.spool;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/** How bytes get into a file: a place for tests to be a slow disk, or a full one. */
@FunctionalInterface
public interface Disk {
  /** The system's. */
  Disk PLAIN =
      (file, bytes) -> {
        for (ByteBuffer part : bytes) {
          while (part.hasRemaining()) {
            file.write(part);
          }
        }
      };

  /**
   * Writes all of them where the file stands; blocks.
   *
   * @throws IOException if it could not; some of it may have been written
   */
  void write(FileChannel file, ByteBuffer... bytes) throws IOException;
}
