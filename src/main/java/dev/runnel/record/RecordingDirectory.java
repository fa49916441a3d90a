package dev.runnel.record;

import dev.runnel.files.LockedDirectory;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The folder of the recordings and what they take up together: for each new piece as much of the
 * oldest goes as it needs. Files with other names are nobody's business. Of one server at a time.
 * On any of the recorder's threads, once it is open; one that removes a file may block, and holds
 * up no other by that.
 */
final class RecordingDirectory implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(RecordingDirectory.class);

  /** Begins with the time, so that the oldest comes first. */
  private static final Pattern NAME =
      Pattern.compile("[0-9]{8}T[0-9]{6}\\.[0-9]{3}Z-[A-Za-z0-9][A-Za-z0-9._-]*\\.cast");

  private final LockedDirectory folder;
  private final long maxBytes;

  // Guarded by this.
  /** Those that nobody writes any more, and their sizes. */
  private final TreeMap<String, Long> finished = new TreeMap<>();

  private long total;

  private RecordingDirectory(LockedDirectory folder, long maxBytes) {
    this.folder = folder;
    this.maxBytes = maxBytes;
  }

  /**
   * Opens the folder, which is made if it isn't there, for its owner alone.
   *
   * @param maxBytes of all recordings in it
   * @throws IOException in words, if it can't be used or another server uses it
   */
  static RecordingDirectory open(Path folder, long maxBytes) throws IOException {
    RecordingDirectory shelf = new RecordingDirectory(LockedDirectory.open(folder), maxBytes);
    boolean known = false;
    try {
      shelf.takeStock();
      known = true;
    } finally {
      if (!known) {
        shelf.close();
      }
    }
    return shelf;
  }

  private synchronized void takeStock() throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder.path())) {
      for (Path file : files) {
        String name = file.getFileName().toString();
        if (NAME.matcher(name).matches() && Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
          finished.put(name, Files.size(file));
          total += Files.size(file);
        }
      }
    }
  }

  Path path(String name) {
    return folder.path().resolve(name);
  }

  long maxBytes() {
    return maxBytes;
  }

  /**
   * Makes room for so many bytes more, and takes it, or says that there can be none. What is not
   * written after all is given back by {@link #giveBack}.
   */
  boolean makeRoom(long bytes) {
    List<Map.Entry<String, Long>> removed = new ArrayList<>();
    boolean enough = makeRoom(bytes, removed);
    for (Map.Entry<String, Long> oldest : removed) {
      LOG.info("recording removed recording={} cause=no room", oldest.getKey());
      if (!delete(oldest.getKey())) {
        take(oldest.getValue());
      }
    }
    return enough;
  }

  private synchronized boolean makeRoom(long bytes, List<Map.Entry<String, Long>> removed) {
    while (total + bytes > maxBytes) {
      Map.Entry<String, Long> oldest = finished.pollFirstEntry();
      if (oldest == null) {
        return false;
      }
      total -= oldest.getValue();
      removed.add(oldest);
    }
    total += bytes;
    return true;
  }

  /** What all of them take up. */
  synchronized long usedBytes() {
    return total;
  }

  /** So many bytes were not written, or are there no more. */
  synchronized void giveBack(long bytes) {
    total -= bytes;
  }

  /** So many bytes are written, whether or not there is room for them. */
  synchronized void take(long bytes) {
    total += bytes;
  }

  /** Nobody writes it any more: it may go when there is need. */
  synchronized void put(String name, long bytes) {
    finished.put(name, bytes);
  }

  /** Removes one with that many bytes. */
  void remove(String name, long bytes) {
    if (delete(name)) {
      giveBack(bytes);
    }
  }

  private boolean delete(String name) {
    try {
      Files.deleteIfExists(path(name));
      return true;
    } catch (IOException e) {
      LOG.warn("recording not removed recording={} cause={}", name, e.toString());
      return false;
    }
  }

  /** Lets another server have it. */
  @Override
  public void close() throws IOException {
    folder.close();
  }
}
