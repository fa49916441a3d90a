package dev.runnel.security.audit;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * An audit's file, its owner's alone. Whoever rotates it moves it away: the next lines go to a new
 * one of its name, without a signal.
 */
public final class AuditFile implements AuditSink {
  private final Path path;
  private FileChannel channel;
  private @Nullable Object key;

  /** Opens it, or makes it. */
  public AuditFile(Path path) throws IOException {
    this.path = path;
    this.channel = open();
    this.key = keyOf(path);
  }

  private FileChannel open() throws IOException {
    return FileChannel.open(
        path,
        Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.APPEND),
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
  }

  @Override
  public void write(byte[] lines) throws IOException {
    reopenIfMoved();
    long before = channel.size();
    ByteBuffer rest = ByteBuffer.wrap(lines);
    try {
      while (rest.hasRemaining()) {
        channel.write(rest);
      }
    } catch (IOException e) {
      // Half a line would make the next one unreadable, too.
      channel.truncate(before);
      throw e;
    }
  }

  private void reopenIfMoved() throws IOException {
    if (channel.isOpen() && Objects.equals(key, keyOf(path))) {
      return;
    }
    channel.close();
    channel = open();
    key = keyOf(path);
  }

  // The number of the file, which no other has while we hold it open.
  private static @Nullable Object keyOf(Path path) {
    try {
      return Files.readAttributes(path, BasicFileAttributes.class).fileKey();
    } catch (IOException _) {
      return null;
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
