package dev.runnel.record;

import dev.runnel.security.audit.Audit;
import dev.runnel.security.policy.RecordingScope;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;

/** A disk that hangs, or is full, for as long as a test says. */
public final class HeldDisk implements RecordingDisk {
  private final Semaphore running = new Semaphore(1);
  private volatile String held = "";
  private volatile @Nullable Throwable failure;

  /** Recordings of all jobs on this disk. */
  public Recordings recordings(Path folder, Audit audit) throws IOException {
    Recordings.Limits limits = new Recordings.Limits(64 << 20, 64 << 20);
    return new Recordings(
        RecordingDirectory.open(folder, limits.bytesInAll()),
        RecordingScope.ALL,
        limits,
        audit,
        this);
  }

  /** Closes them with no more patience than that. */
  public static void close(Recordings recordings, Duration patience) throws IOException {
    recordings.close(patience);
  }

  public void hang() {
    hang("");
  }

  /** Only for files with that in their names. */
  public void hang(String names) {
    held = names;
    running.acquireUninterruptibly();
  }

  public void goOn() {
    running.release();
  }

  public void fill() {
    fail(new IOException("No space left on device"));
  }

  /** From now on whoever writes has that thrown at it: an IOException, or what is unchecked. */
  public void fail(Throwable how) {
    failure = how;
  }

  @Override
  public File create(Path path) throws IOException {
    File file = RecordingDisk.PLAIN.create(path);
    return new File() {
      @Override
      public void append(byte[] lines) throws IOException {
        if (path.toString().contains(held)) {
          running.acquireUninterruptibly();
          running.release();
        }
        switch (failure) {
          case null -> {}
          case IOException e -> throw e;
          case RuntimeException e -> throw e;
          case Error e -> throw e;
          case Throwable e -> throw new IllegalStateException(e);
        }
        file.append(lines);
      }

      @Override
      public void close() throws IOException {
        file.close();
      }
    };
  }
}
