package dev.runnel.spool;

import dev.runnel.files.LockedDirectory;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The folder in which a node keeps its jobs' output, a folder for each. Of one server at a time,
 * which has it locked. Any thread that may block.
 */
public final class SpoolDirectory implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(SpoolDirectory.class);

  private final LockedDirectory folder;
  private final Path root;
  private final SpoolDisk disk;
  private final DiskBudget usage;
  private final ConcurrentHashMap<Path, JobFile> files = new ConcurrentHashMap<>();

  private SpoolDirectory(LockedDirectory folder, DiskBudget usage, SpoolDisk disk) {
    this.folder = folder;
    this.root = folder.path();
    this.usage = usage;
    this.disk = disk;
  }

  /** Opens the folder on the system's disk. */
  public static SpoolDirectory open(Path root, long maxBytes) throws IOException {
    return open(root, maxBytes, SpoolDisk.PLAIN);
  }

  /**
   * Opens the folder, which is made if it isn't there, for its owner alone.
   *
   * @param maxBytes how much all of them may take up together
   * @throws IOException in words, if it can't be used or another server uses it
   */
  public static SpoolDirectory open(Path root, long maxBytes, SpoolDisk disk) throws IOException {
    return new SpoolDirectory(LockedDirectory.open(root), new DiskBudget(maxBytes), disk);
  }

  /**
   * Sees that it is still ours, though somebody may have removed its lock.
   *
   * @throws IOException if another server has it by now
   */
  public void keep() throws IOException {
    folder.keep();
  }

  /** Logs what others have noticed of it. */
  public void warn(String what) {
    LOG.warn(what);
  }

  /** The same, of a fault. */
  public void report(String what, Throwable e) {
    LOG.error(what, e);
  }

  /** Whose files take up more than that principal's, who has most first. */
  public List<String> withMoreThan(String principal) {
    return usage.withMoreThan(principal);
  }

  /** What all files take up. */
  public long usedBytes() {
    return usage.used();
  }

  public long maxBytes() {
    return usage.maxBytes();
  }

  /**
   * Makes a job's file, in which it is written down already.
   *
   * @param maxBytes how large it may become
   * @throws IOException if it could not be made; nothing is left of it then
   */
  public JobFile create(SpooledJob job, long maxBytes) throws IOException {
    keep();
    Path path = root.resolve(FolderName.of(job.job()));
    JobFile file = new JobFile(path, maxBytes, disk, usage);
    // Known before it is made: who wants the name next waits for it, and removes it then.
    JobFile before = files.putIfAbsent(path, file);
    while (before != null) {
      delete(before);
      before = files.putIfAbsent(path, file);
    }
    boolean made = false;
    try {
      if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
        setAside(path, "it is in the way");
      }
      file.make(job);
      made = true;
    } finally {
      if (!made) {
        delete(file);
      }
    }
    return file;
  }

  /** Removes a job's file, unless that was done. */
  public void delete(JobFile file) {
    try {
      file.delete();
    } catch (IOException e) {
      LOG.warn("spool not removed folder={} cause={}", file.folder(), e.toString());
    } finally {
      files.remove(file.folder(), file);
    }
  }

  /**
   * What earlier lives have left, each with its end: those that had none are lost, which is written
   * down. What is not understood is logged and left where it is, or set aside.
   */
  public List<RecoveredJob> recover() throws IOException {
    List<RecoveredJob> all = new ArrayList<>();
    Instant now = Instant.now();
    try (DirectoryStream<Path> folders = Files.newDirectoryStream(root)) {
      for (Path folder : folders) {
        RecoveredJob found = recover(folder, now);
        if (found != null) {
          all.add(found);
        }
      }
    }
    return all;
  }

  private @Nullable RecoveredJob recover(Path folder, Instant now) {
    String name = folder.getFileName().toString();
    if (LockedDirectory.isLock(name) || name.startsWith(FolderName.ASIDE)) {
      return null;
    }
    if (FolderName.job(name) == null || !Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
      LOG.warn("spool left alone folder={} cause=not a job's", folder);
      return null;
    }
    try {
      return recoverJob(folder, now);
    } catch (IOException e) {
      LOG.warn("spool left alone folder={} cause={}", folder, e.toString());
    } catch (BadSpoolException e) {
      setAside(folder, e.getMessage());
    }
    return null;
  }

  private @Nullable RecoveredJob recoverJob(Path folder, Instant now)
      throws IOException, BadSpoolException {
    JobFile first = restored(folder);
    RecoveredJob found =
        Files.exists(first.path()) ? Recovery.read(first, restored(folder), now) : null;
    if (found == null) {
      first.delete();
      return null;
    }
    if (!found.job().job().equals(FolderName.job(folder.getFileName().toString()))) {
      throw new BadSpoolException("another job's file in it");
    }
    files.put(folder, found.file());
    found.file().count(found.job().caller().principal());
    if (!found.file().isEnded()) {
      found.file().reopen();
      var _ = found.file().end(found.end(), found.endedAt());
    }
    return found;
  }

  private JobFile restored(Path folder) {
    return new JobFile(folder, 0, disk, usage).found();
  }

  private void setAside(Path folder, @Nullable String why) {
    Path aside = root.resolve(FolderName.ASIDE + folder.getFileName() + "-" + System.nanoTime());
    try {
      Files.move(folder, aside);
      LOG.warn("spool set aside folder={} cause={}", aside, why);
    } catch (IOException e) {
      LOG.warn("spool left alone folder={} cause={}", folder, e.toString());
    }
  }

  /** Lets another server have it. Files that are still written are their writers' to close. */
  @Override
  public void close() throws IOException {
    folder.close();
  }
}
