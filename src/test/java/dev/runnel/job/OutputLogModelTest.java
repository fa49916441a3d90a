package dev.runnel.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Logs that share too little memory, in random orders, against what they should be. */
class OutputLogModelTest {
  private static final int LOGS = 4;
  private static final int STEPS = 20_000;
  private static final int DRAIN_EVERY = 500;
  private static final int[] BOUNDS = {1_024, 5_000, 70_000, 1 << 20};

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6})
  void logIsWhatWasWritten(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    LogMemory memory = new LogMemory(LOGS * LogMemory.FLOOR_BYTES * 3L, LOGS);
    List<ModelLog> logs = new ArrayList<>();
    int ended = 0;
    for (int step = 0; step < STEPS; step++) {
      while (logs.size() < LOGS) {
        logs.add(new ModelLog(memory, BOUNDS[random.nextInt(BOUNDS.length)], random.split()));
      }
      logs.get(random.nextInt(LOGS)).step();
      assertTrue(memory.sharedBytes() >= 0);
      // Beyond the limit is only what watchers were lent before.
      long lent = logs.stream().mapToLong(ModelLog::watcherLeases).sum();
      long most = memory.sharedLimitBytes() + lent * LogMemory.LARGEST_CHUNK_BYTES;
      assertTrue(memory.sharedBytes() <= most);
      if (step % DRAIN_EVERY == 0) {
        logs.forEach(ModelLog::drain);
      }
      ended += logs.removeIf(ModelLog::isGone) ? 1 : 0;
    }
    logs.forEach(ModelLog::finish);
    assertEquals(0, memory.sharedBytes());
    assertTrue(ended > 10, () -> "too few ended");
  }
}
