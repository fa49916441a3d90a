package dev.runnel.daemon;

import dev.runnel.cli.Reasons;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks every other second whether files have other content, on a thread of its own, and has them
 * taken up then. Files are compared by content: the links of a mounted Secret are switched beneath
 * us, and dates say little. Content is taken up when it was the same twice, as a file may be in the
 * middle of being written; or at once, changed or not, when somebody asks. The one way in which
 * files are read anew: tokens, certificates and the policy alike.
 */
final class FileWatch implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(FileWatch.class);
  private static final Duration INTERVAL = Duration.ofSeconds(2);
  private static final int PIECE_BYTES = 1 << 16;
  private static final byte[] UNREADABLE = {};

  private final Duration interval;
  private final List<Watched> watched = new ArrayList<>();
  private final Semaphore asked = new Semaphore(0);
  private final Thread thread;

  /** Takes up what files say, or throws what is wrong with them. */
  interface Action {
    void take() throws Exception;
  }

  /** Files that belong together. On the thread alone. */
  private static final class Watched {
    final List<Path> files;
    final Action action;
    byte[] taken;
    byte[] seen;

    Watched(Stamp first, Action action) {
      this.files = first.files;
      this.action = action;
      this.taken = first.content;
      this.seen = taken;
    }
  }

  /** What files that belong together said at a moment. */
  static final class Stamp {
    private final List<Path> files;
    private final byte[] content;

    private Stamp(List<Path> files) {
      this.files = files;
      // A daemon without any is not to load at its start what it takes to compare them.
      this.content = files.isEmpty() ? UNREADABLE : digest(files);
    }
  }

  FileWatch() {
    this(INTERVAL);
  }

  FileWatch(Duration interval) {
    this.interval = interval;
    thread = Thread.ofPlatform().daemon().name("runnel-files").unstarted(this::run);
  }

  /** Files that are about to be taken up: what changes from now on will not be missed. Blocks. */
  static Stamp stamp(List<Path> files) {
    return new Stamp(files);
  }

  /** Watches files that were taken up after that. Before the start. */
  void add(Stamp first, Action action) {
    watched.add(new Watched(first, action));
  }

  void start() {
    if (!watched.isEmpty()) {
      thread.start();
    }
  }

  /** Takes up all files at once, changed or not. Any thread; returns before it is done. */
  void lookNow() {
    asked.release();
  }

  private void run() {
    try {
      while (true) {
        boolean atOnce = asked.tryAcquire(interval.toMillis(), TimeUnit.MILLISECONDS);
        asked.drainPermits();
        for (Watched one : watched) {
          look(one, atOnce);
        }
      }
    } catch (InterruptedException _) {
      // Closed.
    }
  }

  private static void look(Watched one, boolean atOnce) {
    byte[] content = digest(one.files);
    boolean settled = MessageDigest.isEqual(content, one.seen);
    boolean changed = !MessageDigest.isEqual(content, one.taken);
    one.seen = content;
    // Who asks gets an answer in the log, whatever has changed.
    if (!atOnce && !(settled && changed)) {
      return;
    }
    one.taken = content;
    try {
      one.action.take();
      LOG.info("files taken up files={}", one.files);
    } catch (Exception e) {
      LOG.error("files of no use, all stays as it was files={} cause={}", one.files, told(e));
    }
  }

  private static String told(Exception e) {
    return e instanceof IOException io ? Reasons.of(io) : String.valueOf(e.getMessage());
  }

  private static byte[] digest(List<Path> files) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      for (Path file : files) {
        try (InputStream in = Files.newInputStream(file)) {
          // All of it: what is not looked at is not seen to change.
          for (byte[] piece = in.readNBytes(PIECE_BYTES);
              piece.length > 0;
              piece = in.readNBytes(PIECE_BYTES)) {
            digest.update(piece);
          }
        }
        digest.update((byte) 0);
      }
      return digest.digest();
    } catch (IOException _) {
      return UNREADABLE;
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  @Override
  public void close() {
    thread.interrupt();
  }
}
