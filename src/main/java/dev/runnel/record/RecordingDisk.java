package dev.runnel.record;

import dev.runnel.files.LockedDirectory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;

/** Where recordings are written. It may block. */
interface RecordingDisk {
  RecordingDisk PLAIN = Plain::new;

  /** Makes a file that is not there yet, its owner's alone. */
  File create(Path path) throws IOException;

  /** A file that grows. For one thread. */
  interface File extends AutoCloseable {
    /** Adds all of the lines, or none. */
    void append(byte[] lines) throws IOException;

    @Override
    void close() throws IOException;
  }

  /** One of the file system's. */
  final class Plain implements File {
    private final FileChannel channel;

    private Plain(Path path) throws IOException {
      channel =
          FileChannel.open(
              path,
              Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
              LockedDirectory.FILE_MODE);
    }

    @Override
    public void append(byte[] lines) throws IOException {
      long before = channel.position();
      ByteBuffer rest = ByteBuffer.wrap(lines);
      try {
        while (rest.hasRemaining()) {
          channel.write(rest);
        }
      } catch (IOException e) {
        // Half a line would make the file one that nobody can play.
        channel.truncate(before);
        throw e;
      }
    }

    @Override
    public void close() throws IOException {
      channel.close();
    }
  }
}
