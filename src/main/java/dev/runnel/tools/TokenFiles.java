package dev.runnel.tools;

import dev.runnel.security.identity.Tokens;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Changes the files that {@code token} writes: each change is whole and on the disk, or there is
 * none, and nobody but their owner can read a file that is made.
 */
final class TokenFiles {
  private static final FileAttribute<?> OWN =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

  private TokenFiles() {}

  /**
   * Writes a secret to a file of its own.
   *
   * @throws IOException also if the file is there already
   */
  static void writeSecret(Path file, String secret) throws IOException {
    Set<OpenOption> options = Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    try (FileChannel channel = FileChannel.open(file, options, OWN)) {
      write(channel, secret + "\n", 0);
    } catch (FileAlreadyExistsException _) {
      throw new IOException(file + ": exists already (expected: a new file)");
    } catch (IOException e) {
      Files.deleteIfExists(file);
      throw e;
    }
  }

  /** Adds a line to a token file, which is made if there is none. */
  static void append(Path file, String line) throws IOException {
    try (FileChannel channel = lock(file, StandardOpenOption.CREATE)) {
      String text = read(file, channel);
      check(file, text);
      String separator = text.isEmpty() || text.endsWith("\n") ? "" : "\n";
      long end = channel.size();
      try {
        write(channel, separator + line + "\n", end);
      } catch (IOException e) {
        channel.truncate(end);
        throw e;
      }
    }
  }

  /** Replaces a token file's lines at once: a server may read it this moment. */
  static void rewrite(Path file, UnaryOperator<List<String>> change) throws IOException {
    Path real = file.toRealPath();
    try (FileChannel locked = lock(real)) {
      String text = String.join("\n", change.apply(read(real, locked).lines().toList()));
      Path next = Files.createTempFile(real.getParent(), ".tokens", "");
      try (FileChannel channel = FileChannel.open(next, StandardOpenOption.WRITE)) {
        write(channel, text.isEmpty() ? text : text + "\n", 0);
        takeAfter(real, next);
        Files.move(next, real, StandardCopyOption.ATOMIC_MOVE);
      } finally {
        Files.deleteIfExists(next);
      }
    }
  }

  // As readable as it was, for the same owner and group.
  private static void takeAfter(Path real, Path next) throws IOException {
    PosixFileAttributeView from = Files.getFileAttributeView(real, PosixFileAttributeView.class);
    PosixFileAttributeView to = Files.getFileAttributeView(next, PosixFileAttributeView.class);
    // Root's, it would be closed to a server that is not.
    if (!from.getOwner().equals(to.getOwner())) {
      to.setOwner(from.getOwner());
    }
    to.setPermissions(from.readAttributes().permissions());
    to.setGroup(from.readAttributes().group());
  }

  private static void check(Path file, String text) throws IOException {
    try {
      var _ = Tokens.parse(text.lines().toList());
    } catch (Tokens.BadTokenFileException e) {
      throw new IOException(file + ": " + e.getMessage(), e);
    }
  }

  // By the channel that has the lock: to close another of the file would give the lock back (man 2
  // fcntl).
  private static String read(Path file, FileChannel channel) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(channel.size()));
    while (bytes.hasRemaining() && channel.read(bytes, bytes.position()) >= 0) {}
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(bytes.flip()).toString();
    } catch (CharacterCodingException e) {
      throw new IOException(file + ": not UTF-8", e);
    }
  }

  private static void write(FileChannel channel, String text, long at) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    for (long next = at; bytes.hasRemaining(); ) {
      next += channel.write(bytes, next);
    }
    channel.force(true);
  }

  // What was locked may have been replaced meanwhile, by a process that had the lock before.
  private static FileChannel lock(Path file, OpenOption... more) throws IOException {
    while (true) {
      Object before = key(file);
      Set<OpenOption> options =
          more.length == 0
              ? Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE)
              : Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE, more[0]);
      FileChannel channel = FileChannel.open(file, options, OWN);
      try {
        var _ = channel.lock();
        if (before != null && before.equals(key(file))) {
          return channel;
        }
      } catch (IOException | RuntimeException e) {
        channel.close();
        throw e;
      }
      channel.close();
    }
  }

  private static @Nullable Object key(Path file) throws IOException {
    try {
      return Files.readAttributes(file, java.nio.file.attribute.BasicFileAttributes.class)
          .fileKey();
    } catch (NoSuchFileException _) {
      return null;
    }
  }
}
