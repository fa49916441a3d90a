package dev.runnel.record;

import dev.runnel.job.Job;
import dev.runnel.security.audit.Audit;
import dev.runnel.security.policy.RecordingScope;
import dev.runnel.service.JobLogLine;
import dev.runnel.service.JobRecorder;
import dev.runnel.service.StartCommand;
import dev.runnel.threads.PrestartedPools;
import dev.runnel.threads.TaskHandOver;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The recordings of a node, in one folder, written by a few threads: each of them by one at a time,
 * so that a file that hangs holds up one thread. A disk that hangs holds up all of them and nothing
 * else; what waits for it is bounded by the recordings, each of which has its turn in the queue
 * once, and those are bounded here.
 */
public final class Recordings implements JobRecorder, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Recordings.class);

  /** Not finished at once; what is beyond is not recorded. */
  static final int MAX_OPEN = 4_096;

  /** So many files may hang before all do. */
  private static final int WRITERS = 4;

  private static final Duration PATIENCE = Duration.ofSeconds(5);
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss.SSS'Z'").withZone(ZoneOffset.UTC);

  private final RecordingDirectory shelf;
  private final RecordingScope usual;
  private final Limits limits;
  private final Audit audit;
  private final RecordingDisk disk;
  private final ConcurrentHashMap<Job, Recording> open = new ConcurrentHashMap<>();
  private final ThreadPoolExecutor writers = PrestartedPools.pool("runnel-record", WRITERS);

  private final CountDownLatch idle = new CountDownLatch(1);
  private volatile boolean closing;

  /** How much of the disk one of them may take, and all together. */
  public record Limits(long bytesEach, long bytesInAll) {}

  Recordings(
      RecordingDirectory shelf,
      RecordingScope usual,
      Limits limits,
      Audit audit,
      RecordingDisk disk) {
    this.shelf = shelf;
    this.usual = usual;
    this.limits = limits;
    this.audit = audit;
    this.disk = disk;
    // Now: when it is needed the system may have no thread left.
    writers.prestartAllCoreThreads();
  }

  /**
   * Takes possession of the folder; blocks.
   *
   * @param usual which jobs are recorded where no rule says otherwise
   * @param audit told how each of them turned out
   * @throws IOException in words, if it can't be had
   */
  public static Recordings open(Path folder, RecordingScope usual, Limits limits, Audit audit)
      throws IOException {
    return new Recordings(
        RecordingDirectory.open(folder, limits.bytesInAll()),
        usual,
        limits,
        audit,
        RecordingDisk.PLAIN);
  }

  @Override
  public Usage usage() {
    return new Usage(open.size(), shelf.usedBytes(), shelf.maxBytes());
  }

  /** Of the time and the job's id, which has no characters that mean something in a path. */
  @Override
  public @Nullable String nameFor(StartCommand start) {
    if (!start.grant().isRecorded(usual)) {
      return null;
    }
    if (open.size() >= MAX_OPEN) {
      JobLogLine.about(start.job(), LOG.atWarn())
          .log("recording left out open={} limit={}", MAX_OPEN, MAX_OPEN);
      return null;
    }
    return TIME.format(Instant.now()) + "-" + start.job().id() + ".cast";
  }

  @Override
  public void begin(StartCommand start, String name) {
    Job job = start.job();
    Recording recording = new Recording(this, job, name, start.grant().spec().command().terminal());
    open.put(job, recording);
    recording.wake();
  }

  @Override
  public void changed(Job job) {
    Recording recording = open.get(job);
    if (recording != null) {
      recording.wake();
    }
  }

  // For its recordings.

  void forget(Job job, Recording recording) {
    open.remove(job, recording);
    if (closing && open.isEmpty()) {
      idle.countDown();
    }
  }

  RecordingDirectory shelf() {
    return shelf;
  }

  RecordingDisk disk() {
    return disk;
  }

  Audit audit() {
    return audit;
  }

  long maxRecordingBytes() {
    return limits.bytesEach();
  }

  /** Has it done by one of the threads that write. */
  void execute(Runnable task) {
    TaskHandOver.to(writers, task, this::failed);
  }

  private void failed(Throwable thrown) {
    // After the close it is as if the daemon had gone a moment earlier.
    if (!(thrown instanceof RejectedExecutionException)) {
      LOG.error("recording failed", thrown);
    }
  }

  /**
   * Waits until what jobs that have ended printed is written, but not for long, and gives the
   * folder back.
   *
   * @throws IOException if the disk hangs: then the folder is not given back to another life, as
   *     this one may still write there
   */
  @Override
  public void close() throws IOException {
    close(PATIENCE);
  }

  /**
   * The same with another patience.
   *
   * @throws IOException if it is still written to after it: then the folder is not given back
   */
  void close(Duration patience) throws IOException {
    boolean written = false;
    try {
      awaitFinished(patience);
      // Not interrupted: that would cut what is being written in the middle of a line.
      writers.shutdown();
      writers.getQueue().clear();
      written = writers.awaitTermination(patience.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
    if (!open.isEmpty()) {
      LOG.warn("recordings not finished count={}", open.size());
    }
    if (!written) {
      throw new IOException("not all was written within " + patience.toSeconds() + " s");
    }
    shelf.close();
  }

  private void awaitFinished(Duration patience) throws InterruptedException {
    closing = true;
    if (!open.isEmpty()) {
      var _ = idle.await(patience.toMillis(), TimeUnit.MILLISECONDS);
    }
  }
}
