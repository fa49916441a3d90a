package dev.runnel.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Does the same several times at once. */
final class ParallelRuns {
  private ParallelRuns() {}

  /** One of several. */
  @FunctionalInterface
  interface Member {
    void work(int number) throws IOException;
  }

  /** Blocks until all have done their work; the seconds it took. */
  static double work(int members, Member member) throws IOException {
    try (ExecutorService threads = Executors.newFixedThreadPool(members)) {
      long start = System.nanoTime();
      List<Future<?>> working = new ArrayList<>();
      for (int i = 0; i < members; i++) {
        int number = i;
        working.add(
            threads.submit(
                () -> {
                  member.work(number);
                  return null;
                }));
      }
      for (Future<?> one : working) {
        await(one);
      }
      return (System.nanoTime() - start) / 1e9;
    }
  }

  private static void await(Future<?> working) throws IOException {
    try {
      working.get();
    } catch (ExecutionException e) {
      throw new IOException(String.valueOf(e.getCause()), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }
}
