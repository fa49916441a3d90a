package dev.runnel.job;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Random orders of everything that can happen to a job, the same in every run. */
@Tag("slow")
class InterleavingTest {
  private static final int SEEDS = 2_500;
  private static final int KINDS = 46;

  @Test
  void everyOrderHasOneEndAndLeavesNothing() {
    Map<String, Integer> seen = new TreeMap<>();
    for (int seed = 0; seed < SEEDS; seed++) {
      try {
        Interleaving run = new Interleaving(new SplittableRandom(seed));
        run.play();
        run.events().forEach(event -> seen.merge(event, 1, Integer::sum));
      } catch (AssertionError | RuntimeException e) {
        throw new AssertionError("seed " + seed, e);
      }
    }
    // Else the orders that matter are not among them.
    assertTrue(seen.size() >= KINDS, seen::toString);
  }
}
