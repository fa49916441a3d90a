package dev.runnel.job;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.Stream;
import dev.runnel.process.NativeMemory;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Phaser;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Memory comes free at the very moment in which somebody finds too little: it is told, always. */
class WakeUpTest {
  private static final int ROUNDS = 20_000;
  private static final int BLOCK_BYTES = 64 * 1024;

  private final ExecutorService other = Executors.newSingleThreadExecutor();

  @AfterEach
  void close() {
    other.shutdownNow();
  }

  @FunctionalInterface
  private interface Look {
    /** Looks for something; says whether it got it. */
    boolean look();
  }

  /** In each round one gives memory back while the other looks; in the end it must have it. */
  private void race(Runnable take, Runnable giveBack, Look look, Semaphore told) throws Exception {
    Phaser together = new Phaser(2);
    for (int round = 0; round < ROUNDS; round++) {
      take.run();
      told.drainPermits();
      Future<?> given =
          other.submit(
              () -> {
                together.arriveAndAwaitAdvance();
                giveBack.run();
              });
      together.arriveAndAwaitAdvance();
      boolean got = look.look();
      given.get();
      while (!got) {
        assertTrue(told.tryAcquire(10, TimeUnit.SECONDS), "never told, round " + round);
        got = look.look();
      }
    }
  }

  @Test
  void watcherOfALiveLogIsTold() throws Exception {
    LogMemory memory = new LogMemory(1 << 20, 4);
    Semaphore told = new Semaphore(0);
    OutputLog log = new OutputLog(memory, 1 << 20, () -> {});
    new LogWriter(log).write(Stream.STDOUT, new byte[100]);
    LogReader watcher = log.openWatcher(0, told::release);
    long all = memory.sharedLimitBytes() + 1;
    race(
        () -> memory.charge(all),
        () -> {
          memory.discharge(all);
          memory.tellStarved();
        },
        () -> {
          LentSlice lease = watcher.next(10);
          if (lease == null) {
            return false;
          }
          lease.close();
          watcher.moveTo(0);
          return true;
        },
        told);
  }

  @Test
  void watcherOfWhatWasReadBackIsTold() throws Exception {
    LogMemory memory = new LogMemory(1 << 20, 4);
    while (memory.trySpare(LogMemory.SMALLEST_CHUNK_BYTES)) {
      // Others have that.
    }
    Semaphore told = new Semaphore(0);
    OutputLog log = new OutputLog(memory, 1 << 20, () -> {});
    long all = memory.sharedLimitBytes();
    LogReader[] watcher = {log.openWatcher(0, told::release)};
    race(
        () -> memory.charge(all),
        () -> {
          memory.discharge(all);
          memory.tellStarved();
        },
        () -> {
          Chunk block = Chunk.loaded(NativeMemory.allocate(BLOCK_BYTES), 0);
          block.append(Stream.STDOUT, BLOCK_BYTES);
          synchronized (log) {
            watcher[0].park();
          }
          log.loaded(watcher[0], block);
          boolean got = watcher[0].loaded() != null;
          if (got) {
            log.leave(watcher[0]);
            watcher[0] = log.openWatcher(0, told::release);
          }
          return got;
        },
        told);
  }
}
