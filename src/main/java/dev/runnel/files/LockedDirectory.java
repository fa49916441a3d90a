package dev.runnel.files;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * A folder that nobody but its owner may look into, and that one server has at a time: a lock in it
 * is held until it is given back, or its process ends. Any thread that may block.
 */
public final class LockedDirectory implements AutoCloseable {
  /** Of a folder that is made for its owner alone. */
  public static final FileAttribute<?> FOLDER_MODE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  /** Of a file that is made for its owner alone. */
  public static final FileAttribute<?> FILE_MODE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

  private static final String LOCK = ".lock";
  private static final int PERMISSIONS = 07777;
  private static final int OTHERS_MAY_WRITE = 0022;

  // What this process has by now. The kernel gives all of a process's locks of a file back when it
  // closes any descriptor of it: one that is refused must not have opened it (man 2 fcntl).
  private static final Map<Path, Object> HELD = new ConcurrentHashMap<>();

  private final Path path;
  private final Path real;
  private final Object place;
  // Replaced under our lock; which file it is.
  private volatile FileChannel lock;
  private @Nullable Object lockKey;

  private LockedDirectory(Path path, Path real, Object place) throws IOException {
    this.path = path;
    this.real = real;
    this.place = place;
    this.lock = lock(path);
    this.lockKey = lockKey();
  }

  /**
   * Takes the folder, which is made if it isn't there.
   *
   * @throws IOException in words, if it can't be used or another server uses it
   */
  public static LockedDirectory open(Path path) throws IOException {
    Files.createDirectories(path, FOLDER_MODE);
    check(path);
    Path real = path.toRealPath();
    Object place = new Object();
    if (HELD.putIfAbsent(real, place) != null) {
      throw new IOException("another server uses it");
    }
    try {
      return new LockedDirectory(path, real, place);
    } catch (IOException | RuntimeException | Error e) {
      HELD.remove(real, place);
      throw e;
    }
  }

  /**
   * Makes sure that nobody but us and root can put something else into a folder.
   *
   * @throws IOException in words, if others can, or if it isn't there
   */
  public static void check(Path path) throws IOException {
    Path real = path.toRealPath();
    if (!CurrentUser.orRootOwns(real)) {
      throw new IOException(
          "belongs to %s (expected: the user with number %s)"
              .formatted(Files.getOwner(real).getName(), CurrentUser.number()));
    }
    int mode = (Integer) Files.getAttribute(real, "unix:mode") & PERMISSIONS;
    if ((mode & OTHERS_MAY_WRITE) != 0) {
      throw new IOException(
          "others may write in it: mode %o (expected: 700; chmod go-w %s)".formatted(mode, real));
    }
  }

  private static FileChannel lock(Path path) throws IOException {
    FileChannel lock =
        FileChannel.open(
            path.resolve(LOCK),
            // A link would have us make a file elsewhere.
            Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS),
            FILE_MODE);
    boolean taken = false;
    try {
      taken = isFree(lock);
    } finally {
      if (!taken) {
        lock.close();
      }
    }
    if (!taken) {
      throw new IOException("another server uses it");
    }
    return lock;
  }

  // Null: it is not there.
  private @Nullable Object lockKey() throws IOException {
    try {
      return Files.readAttributes(path.resolve(LOCK), BasicFileAttributes.class).fileKey();
    } catch (NoSuchFileException _) {
      return null;
    }
  }

  /**
   * Locks it anew, if the file by which it is locked was removed. To be called now and then.
   *
   * @throws IOException if another server has it by now
   */
  public synchronized void keep() throws IOException {
    if (lock.isOpen() && !Objects.equals(lockKey, lockKey())) {
      FileChannel before = lock;
      lock = lock(path);
      lockKey = lockKey();
      before.close();
    }
  }

  private static boolean isFree(FileChannel lock) throws IOException {
    try {
      return lock.tryLock() != null;
    } catch (OverlappingFileLockException _) {
      return false;
    }
  }

  public Path path() {
    return path;
  }

  /** Whether a file of that name is what it is locked by, and nothing that was put there. */
  public static boolean isLock(String name) {
    return name.equals(LOCK);
  }

  /** Lets another server have it. */
  @Override
  public void close() throws IOException {
    // Not under our lock: who holds that may wait for a disk that hangs.
    try {
      lock.close();
    } finally {
      HELD.remove(real, place);
    }
  }
}
