package dev.runnel.spool;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/** How bytes get into a file: a place for tests to be a slow disk, or a full one. */
@FunctionalInterface
public interface SpoolDisk {
  /** The system's. */
  SpoolDisk PLAIN =
      (file, bytes) -> {
        // Together: a record is two of them, and one system call.
        ByteBuffer last = bytes[bytes.length - 1];
        while (last.hasRemaining()) {
          file.write(bytes);
        }
      };

  /**
   * Writes all of them where the file stands; blocks.
   *
   * @throws IOException if it could not; some of it may have been written
   */
  void write(FileChannel file, ByteBuffer... bytes) throws IOException;
}
