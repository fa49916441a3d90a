package dev.runnel.threads;

import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Pools whose threads exist from the start and do not end before the pool: a thread that is made
 * when it is first needed can't be made when it is needed most.
 */
public final class PrestartedPools {
  private PrestartedPools() {}

  /** A pool of daemon threads, with an unbounded queue. */
  public static ThreadPoolExecutor pool(String name, int threads) {
    return pool(threads, Thread.ofPlatform().daemon().name(name).factory());
  }

  /** The same, with threads made by the factory. */
  public static ThreadPoolExecutor pool(int threads, ThreadFactory factory) {
    ThreadPoolExecutor pool =
        new ThreadPoolExecutor(
            threads, threads, 0, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), factory);
    try {
      pool.prestartAllCoreThreads();
      return pool;
    } catch (Throwable noThread) {
      pool.shutdownNow();
      throw noThread;
    }
  }
}
