package dev.runnel.job;

import dev.runnel.spool.Found;
import dev.runnel.spool.JobFile;
import dev.runnel.spool.SpooledJob;
import dev.runnel.spool.Spools;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The threads that spool, and nothing else: one that writes for all jobs, and a few that read back.
 * A disk that hangs holds up those, and the jobs that have to wait for it. What waits for them is
 * bounded by the jobs, each of which has its turn in the queue once, and by the followers, each of
 * which reads one piece at a time. Any thread may call; a node has one at most.
 */
public final class Spooler implements AutoCloseable {
  private static final int READERS = 4;
  private static final Duration IDLE = Duration.ofSeconds(10);
  private static final Duration PATIENCE = Duration.ofSeconds(15);

  private final Spools spools;
  private final ThreadPoolExecutor writer = pool("runnel-spool", 1);
  private final ThreadPoolExecutor readers = pool("runnel-replay", READERS);

  // A job asks for its next turn during the one before: at zero, all jobs have written all.
  private final AtomicInteger unwritten = new AtomicInteger();
  private final CountDownLatch idle = new CountDownLatch(1);
  private volatile boolean closing;

  /** It owns the folder from now on. */
  public Spooler(Spools spools) {
    this.spools = spools;
  }

  private static ThreadPoolExecutor pool(String name, int threads) {
    ThreadPoolExecutor pool =
        new ThreadPoolExecutor(
            threads,
            threads,
            IDLE.toSeconds(),
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            Thread.ofPlatform().daemon().name(name).factory());
    pool.allowCoreThreadTimeOut(true);
    return pool;
  }

  /** What all output on disk may take up. */
  long maxBytes() {
    return spools.maxBytes();
  }

  /** What earlier lives have left; blocks. */
  List<Found> recover() throws IOException {
    return spools.recover();
  }

  @Nullable JobFile create(SpooledJob job, long maxBytes) {
    return spools.create(job, maxBytes);
  }

  void delete(JobFile file) {
    spools.delete(file);
  }

  /** Has it done by the one thread that writes, in the order asked for. */
  void write(Runnable task) {
    unwritten.incrementAndGet();
    boolean taken =
        submit(
            writer,
            () -> {
              try {
                task.run();
              } finally {
                written();
              }
            });
    if (!taken) {
      written();
    }
  }

  private void written() {
    if (unwritten.decrementAndGet() == 0 && closing) {
      idle.countDown();
    }
  }

  /** How many wait for one of those that read. */
  int waitingReads() {
    return readers.getQueue().size();
  }

  /**
   * Has it done by one of those that read.
   *
   * @return calls it off, if it has not begun: nobody may ask and leave again and again while the
   *     disk hangs, and have all that wait
   */
  Runnable read(Runnable task) {
    var _ = submit(readers, task);
    return () -> readers.remove(task);
  }

  // After the close nobody is there to be told: as if the daemon had gone a moment earlier.
  private static boolean submit(ExecutorService pool, Runnable task) {
    try {
      pool.execute(task);
      return true;
    } catch (RejectedExecutionException _) {
      return false;
    }
  }

  /**
   * Waits until all that the jobs have is written, and gives the folder back.
   *
   * @throws IOException if that takes too long: then the folder is not given back to another life,
   *     as this one may still write there
   */
  @Override
  public void close() throws IOException {
    boolean wroteAll = awaitWritten();
    writer.shutdown();
    readers.shutdown();
    if (!wroteAll) {
      throw new IOException("not all output was written within " + PATIENCE.toSeconds() + " s");
    }
    spools.close();
  }

  private boolean awaitWritten() {
    closing = true;
    if (unwritten.get() == 0) {
      return true;
    }
    try {
      return idle.await(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      return false;
    }
  }
}
