package dev.runnel.job;

import dev.runnel.spool.Found;
import dev.runnel.spool.JobFile;
import dev.runnel.spool.SpooledJob;
import dev.runnel.spool.Spools;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
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
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private final Spools spools;
  private final ThreadPoolExecutor writer = pool("runnel-spool", 1);
  private final ThreadPoolExecutor readers = pool("runnel-replay", READERS);

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
    submit(writer, task);
  }

  /** Has it done by one of those that read. */
  void read(Runnable task) {
    submit(readers, task);
  }

  // After the close nobody is there to be told.
  private static void submit(ExecutorService pool, Runnable task) {
    try {
      pool.execute(task);
    } catch (RejectedExecutionException _) {
      // As if the daemon had gone a moment earlier.
    }
  }

  /** Waits until what was asked for is written, but not for long, and gives the folder back. */
  @Override
  public void close() throws IOException {
    writer.shutdown();
    readers.shutdown();
    try {
      if (!writer.awaitTermination(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
        return;
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
    spools.close();
  }
}
